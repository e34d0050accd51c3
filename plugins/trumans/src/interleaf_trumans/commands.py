"""``interleaf trumans generate | scene | convert``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput
from interleaf_trumans.refusing import refused

SceneFile = Annotated[
    str,
    typer.Argument(
        help="a mesh (.obj .ply .glb .gltf .stl .off), points, a scene .npz, or room:SEED"
    ),
]
Out = Annotated[Path, typer.Option("-o", "--out", help=".html, .bvh, .npz, .mp4, .webm or .gif")]
Up = Annotated[str, typer.Option(help="which axis of the file is up: auto, x, y, z, -y, -z")]
Scale = Annotated[float, typer.Option(help="metres per unit of the file; 0 finds it")]
Floor = Annotated[float | None, typer.Option(help="metres; which floor, where there are several")]
Voxel = Annotated[float, typer.Option(min=0.01, max=0.2, help="metres a cell")]
Things = Annotated[
    Path | None, typer.Option(help="what moves about in the scene: a YAML file (README)")
]
Radius = Annotated[float, typer.Option(min=0.05, max=1.0, help="of the body on its way, metres")]


def generate(
    scene: SceneFile,
    timeline: Annotated[Path, typer.Option(help="what is done when: a YAML file")],
    out: Out,
    motion: Annotated[
        Path | None, typer.Option(help="a folder of clips (.bvh, .amc) to walk with")
    ] = None,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="take the nearest place for one where nobody can be")
    ] = False,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    variety: Annotated[float, typer.Option(min=0, max=2, help="0: the best clip each time")] = 0.0,
    up: Up = "auto",
    scale: Scale = 0.0,
    floor: Floor = None,
    voxel: Voxel = 0.04,
    radius: Radius = 0.32,
    body: Annotated[str, typer.Option(help="drawn: anny, capsule, or auto")] = "auto",
    cut: Annotated[
        float, typer.Option(min=0, help="draw the scene up to this height; 0: all")
    ] = 1.4,
    source: Annotated[str, typer.Option(help="only clips of this 'source' in the manifest")] = "",
    by: Annotated[
        str,
        typer.Option(
            help="what walks: matching, learned, paper, rule, or auto (clips where given, else learned)"
        ),
    ] = "auto",
    weights: Annotated[
        Path | None,
        typer.Option(
            help="of the learned walker: what `train` wrote; of the paper's network: what `convert` wrote"
        ),
    ] = None,
    things: Things = None,
) -> None:
    """Let someone walk through a scene."""
    from interleaf_trumans.exporting import check_out, write_motion
    from interleaf_trumans.walking.playing import check_actions, play
    from interleaf_trumans.walking.session import Session
    from interleaf_trumans.walking.timeline import read_timeline

    check_out(out)
    with refused():
        plan = read_timeline(timeline)
        if not plan.entries:
            raise InvalidInput(f"{timeline}: no actions", hint="examples/visit.yaml has some")
        place = opened(scene, up, scale, floor, voxel, things)
        say(f"{scene}: {place.placement}")
        walker = walker_of(motion, variety, source, by, weights)
        check_actions(plan, walker.actions)
        import math

        yaw = None if plan.facing is None else math.radians(plan.facing)
        session = Session(
            place, walker, start=plan.start, yaw=yaw, seed=seed, radius=radius, nearest=nearest
        )
        played = play(session, plan, counted)
    for visit in played.visits:
        told = f"{visit.entry.first / 30:6.1f} s  {visit.entry.action}"
        if visit.goal is not None and visit.off is not None:
            told += f" to ({visit.goal[0]:.2f}, {visit.goal[1]:.2f}): {visit.off:.2f} m off"
            told += "" if visit.off <= 0.2 else "  NOT REACHED in its time"
        say(told + ("" if visit.hand is None else f"; hand {visit.hand:.2f} m off"))
    write_motion(out, place, session.motion, body=body, cut=cut, seams=tuple(session.seams))
    print(out)


def scene(
    file: SceneFile,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            help="write it: .npz (read again quickly), .glb, .ply, .obj, or .png, a plan",
        ),
    ] = None,
    up: Up = "auto",
    scale: Scale = 0.0,
    floor: Floor = None,
    voxel: Voxel = 0.04,
    radius: Radius = 0.32,
    things: Things = None,
) -> None:
    """Say how a scene is understood: up, scale, floor, where there is room to walk; convert it."""
    import numpy as np

    from interleaf_trumans.scenes.ground import Ground

    with refused():
        place = opened(file, up, scale, floor, voxel, things)
        ground = Ground.of(place, radius)
    sizes = np.bincount(ground.areas.ravel())[1:] * ground.voxel**2
    low, high = place.vertices.min(0), place.vertices.max(0)
    print(f"{place.name}: {len(place.faces)} triangles, {len(place.vertices)} vertices")
    print(f"  {place.placement}")
    print(
        f"  x {low[0]:.2f} to {high[0]:.2f}, z {low[2]:.2f} to {high[2]:.2f}, height {high[1]:.2f} m"
    )
    print(
        f"  cells {'×'.join(map(str, place.cells.shape))} of {place.voxel:g} m, {place.cells.mean():.1%} full"
    )
    print(f"  walkable {ground.area():.1f} m² for a body of {radius:g} m; connected: "
          f"{', '.join(f'{s:.1f}' for s in sizes[:5])}{' …' if len(sizes) > 5 else ''} m²")  # fmt: skip
    if out is not None:
        written(out, place, ground)
        print(out)


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="a .pth of the authors' release")],
    out: Annotated[Path, typer.Argument(help="the .safetensors to write")],
    norm: Annotated[
        Path | None, typer.Option(help="norm.npy of the release: nobody walks without it")
    ] = None,
    names: Annotated[
        Path | None, typer.Option(help="YAML, {their name: our name}, where names are others")
    ] = None,
) -> None:
    """Read a checkpoint of the paper's network into a file that `trumans.motion` walks with."""
    import yaml

    from interleaf_trumans.paper.converting import convert as converted
    from interleaf_trumans.release.norms import read_norm

    if out.suffix.lower() != ".safetensors":
        raise InvalidInput(f"{out}: no such format", hint="OUT.safetensors")
    told = yaml.safe_load(names.read_text("utf-8")) if names is not None else {}
    if not isinstance(told, dict) or not all(isinstance(v, str) for v in told.values()):
        raise InvalidInput(f"{names}: no names", hint="their_name: our_name, a line each")
    with refused():
        found = read_norm(norm) if norm is not None else None
    size = converted(checkpoint, out, norm=found, names=told)
    say(f"{size.layers} layers of {size.width}, {size.joints} joints, {size.actions} actions")
    if found is None:
        say("without --norm norm.npy nobody can walk with it yet")
    print(out)


def opened(
    name: str, up: str, scale: float, floor: float | None, voxel: float, things: Path | None = None
) -> Any:
    """The scene of a file, or a made-up room, and what moves in it."""
    from dataclasses import replace

    from interleaf_trumans.scenes.thing_files import read_things

    place = _still(name, up, scale, floor, voxel)
    return replace(place, things=read_things(things)) if things is not None else place


def _still(name: str, up: str, scale: float, floor: float | None, voxel: float) -> Any:
    from interleaf_trumans.scenes.rooms import room
    from interleaf_trumans.scenes.scene import read_scene, scene_of

    if name.startswith("room:"):
        if not name[5:].isdecimal():
            raise InvalidInput(f"no room '{name}'", hint="room:SEED, such as room:7")
        return scene_of(room(int(name[5:]))[0], name=name.replace(":", ""), voxel=voxel)[0]
    return read_scene(Path(name), up=up, scale=scale, floor=floor, voxel=voxel)


def walker_of(
    motion: Path | None, variety: float, source: str, by: str = "auto", weights: Path | None = None
) -> Any:
    """What walks: the clips of a folder, the learned walker, or a gait made by rule."""
    from interleaf_trumans.walking.gait import made_clips
    from interleaf_trumans.walking.matcher import Matcher

    if by == "auto":
        by = "matching" if motion is not None else "learned"
    if by == "matching":
        return matcher_of(motion, variety, source)
    if by in ("learned", "paper"):
        from interleaf_trumans.config import MotionConfig
        from interleaf_trumans.motion.components import Motion

        say(
            f"walking as the network in {weights or 'this package'} does; clips of yours: --motion FOLDER"
        )
        preset: Any = "paper" if by == "paper" else "small"
        return Motion(
            MotionConfig(preset=preset, weights=None if weights is None else str(weights))
        ).walker
    if by != "rule":
        raise InvalidInput(f"--by {by}", hint="auto, matching, learned, paper or rule")
    say("walking by rule, like a mannequin")
    return Matcher(made_clips())


def matcher_of(motion: Path | None, variety: float, source: str) -> Any:
    """Motion matching on the clips of a folder."""
    from interleaf_trumans.walking.cleaning import whole
    from interleaf_trumans.walking.clips import read_clips
    from interleaf_trumans.walking.matcher import Matcher

    if motion is None:
        raise InvalidInput("motion matching needs clips", hint="--motion FOLDER; none are shipped")
    clips, broken = whole(read_clips(motion, source=source))
    say(f"{motion}: {len(clips)} clips, {sum(len(c.root) for c in clips) / 30:.0f} s")
    if broken:
        say(f"not walked with, frames are broken: {', '.join(c.name for c in broken)}")
    return Matcher(clips, variety=variety)


def written(out: Path, place: Any, ground: Any) -> None:
    """A scene as a file: y up, metres, floor at 0."""
    from interleaf.pipeline.files import write_atomic
    from interleaf_trumans.scenes.scene import scene_bytes

    kind = out.suffix.lower()
    if kind == ".npz":
        write_atomic(out, scene_bytes(place))
    elif kind == ".glb" and place.things:
        from interleaf_trumans.scenes.gltf import glb

        write_atomic(out, glb(place.vertices, place.faces, place.colors, place.things))
    elif kind == ".png":
        from interleaf.values import Image
        from interleaf_media.writing import encode_png
        from interleaf_trumans.drawing import plan

        write_atomic(out, encode_png(Image(plan(place, ground))))
    elif kind in (".glb", ".ply", ".obj"):
        import trimesh

        if not len(place.faces):
            raise InvalidInput("points have no triangles to write", hint="-o scene.npz")
        colors = (place.colors * 255).astype("uint8")
        mesh = trimesh.Trimesh(place.vertices, place.faces, vertex_colors=colors, process=False)
        data: Any = mesh.export(file_type=kind[1:])
        write_atomic(out, data.encode() if isinstance(data, str) else data)
    else:
        raise InvalidInput(f"{out}: no format has this suffix", hint=".npz, .glb, .ply, .obj, .png")


def counted(done: int, of: int) -> None:
    """Progress on a terminal."""
    if sys.stderr.isatty():
        print(
            f"\r\x1b[Kframe {done} of {of}",
            end="\n" if done >= of else "",
            file=sys.stderr,
            flush=True,
        )


def say(message: str) -> None:
    """A line on stderr."""
    print(message, file=sys.stderr)
