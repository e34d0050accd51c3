"""``interleaf body view | render | retarget | convert``; ``fit`` is in `photo_command`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from interleaf.errors import InvalidInput
from interleaf.pipeline.files import write_atomic
from interleaf.values import Motion
from interleaf_body import picturing, skeleton
from interleaf_body.amc_writing import format_amc, format_asf
from interleaf_body.anny_body import installed
from interleaf_body.backends import body_model
from interleaf_body.bvh_writing import format_bvh
from interleaf_body.config import MapsConfig
from interleaf_body.files import read_motion
from interleaf_body.identity import shape_of
from interleaf_body.model import BakedBody
from interleaf_body.quaternions import Array
from interleaf_body.raster import MAPS
from interleaf_body.renderers import rate
from interleaf_body.retarget import limb_errors, onto
from interleaf_body.viewing import page

Clip = Annotated[Path, typer.Argument(help="a .bvh file, or an .amc file beside its .asf")]
Unit = Annotated[str, typer.Option(help="of length: auto, m, cm, mm, inch, foot, cmu")]
Body = Annotated[str, typer.Option(help="anny, capsule, or auto: anny where it is installed")]
Shape = Annotated[
    list[str] | None, typer.Option(help="such as height=0.7, from 0 to 1; several times")
]
Rate = Annotated[float, typer.Option(help="frames per second to resample to; 0 keeps the file's")]
Frames = Annotated[str, typer.Option(help="first:last, a part of the clip in frames")]
Out = Annotated[Path, typer.Option("-o", "--out", help="the file to write")]


def view(
    clip: Clip,
    out: Out,
    body: Body = "auto",
    shape: Shape = None,
    unit: Unit = "auto",
    fps: Rate = 0.0,
    frames: Frames = "",
    title: Annotated[str, typer.Option(help="of the page; the file's name by default")] = "",
) -> None:
    """Make a page in which the motion can be turned and scrubbed, in one file that needs no network."""
    _suffix(out, ".html")
    person, on = _loaded(clip, body, shape, unit, fps, frames)
    text = page(person, person.posed(on), on.fps, title=title or clip.stem)
    write_atomic(out, text.encode())
    _say(f"{out}: {len(on.root)} frames, {len(text) / 1e6:.1f} MB")


def render(
    clip: Clip,
    out: Out,
    map: Annotated[
        str, typer.Option(help="normals, part, uv, depth, template, body or skeleton")
    ] = "body",
    body: Body = "auto",
    shape: Shape = None,
    unit: Unit = "auto",
    fps: Rate = 0.0,
    frames: Frames = "",
    size: Annotated[str, typer.Option(help="width x height in pixels")] = "512x512",
    yaw: Annotated[float, typer.Option(help="degrees; 0 sees the front")] = 25.0,
    pitch: Annotated[float, typer.Option(help="degrees")] = 10.0,
    distance: Annotated[float, typer.Option(help="metres; 0 sees all of the body")] = 0.0,
    follow: Annotated[bool, typer.Option(help="whether the camera keeps to the body")] = True,
    near: Annotated[float, typer.Option(help="metres that are white in a map of depth")] = 0.5,
    far: Annotated[float, typer.Option(help="metres that are black")] = 8.0,
    threads: Annotated[int, typer.Option(help="for posing")] = 1,
) -> None:
    """Draw the motion as a video (.mp4, .webm, .gif) or, for a name without suffix, a folder of PNGs."""
    from interleaf_media.saving import save

    if map not in (*MAPS, "body", "skeleton"):
        raise InvalidInput(f"no map '{map}'", hint=f"one of {', '.join(MAPS)}, body, skeleton")
    if not 0 < near < far:
        raise InvalidInput(f"depth from {near:g} to {far:g} m", hint="--near 2 --far 5")
    person, on = _loaded(clip, body, shape, unit, fps, frames)
    width, height = _size(size)
    camera = MapsConfig(
        width=width, height=height, yaw=yaw, pitch=pitch, distance=distance, follow=follow
    )
    if map == "body":
        drawn = picturing.shaded_frames(on, person, camera, None, threads)
    elif map == "skeleton":
        drawn = picturing.skeleton_frames(on, person, camera)
    else:
        drawn = picturing.map_frames(on, person, camera, map, None, threads, (near, far))
    save(out, _counted(drawn, len(on.root)), rate(on.fps))
    _say(f"{out}: {len(on.root)} frames of {width}×{height} at {on.fps:g} a second")


def retarget(
    clip: Clip,
    out: Out,
    body: Body = "auto",
    shape: Shape = None,
    unit: Unit = "auto",
    fps: Rate = 0.0,
    frames: Frames = "",
    scale_path: Annotated[bool, typer.Option(help="scale the path with the legs")] = True,
    contacts: Annotated[bool, typer.Option(help="bend legs where feet would slide more")] = True,
) -> None:
    """Put a motion on a body's skeleton, as a BVH file in metres."""
    _suffix(out, ".bvh")
    source = _read(clip, unit, fps, frames)
    person = _body(body, shape)
    on = onto(source, person, scale_path=scale_path, contacts=contacts)
    write_atomic(out, format_bvh(on).encode())
    worst = {limb: float(e.max()) for limb, e in limb_errors(source, on).items()}
    limb = max(worst, key=lambda name: worst[name])
    _say(f"{out}: {len(on.joints)} joints; limbs within {worst[limb]:.1f}° ({limb})")


def convert(
    clip: Clip,
    out: Out,
    unit: Unit = "auto",
    to_unit: Annotated[str, typer.Option(help="of a .bvh file: m, cm, mm, inch, foot")] = "m",
    order: Annotated[str, typer.Option(help="of rotation channels in a .bvh file")] = "ZXY",
    fps: Rate = 0.0,
    frames: Frames = "",
) -> None:
    """Write a motion as .bvh, .amc with its .asf, or .npz (the arrays of a Motion)."""
    motion = _read(clip, unit, fps, frames, ends=out.suffix.lower() == ".bvh")
    kind = out.suffix.lower()
    if kind == ".bvh":
        write_atomic(out, format_bvh(motion, unit=to_unit, order=order).encode())
    elif kind == ".amc":
        write_atomic(out.with_suffix(".asf"), format_asf(motion).encode())
        write_atomic(out, format_amc(motion).encode())
    elif kind == ".npz":
        write_atomic(out, _arrays(motion))
    else:
        raise InvalidInput(f"{out}: unknown suffix '{out.suffix}'", hint=".bvh, .amc or .npz")
    _say(
        f"{out}: {len(motion.root)} frames, {len(motion.joints)} joints, {motion.fps:g} frames a second"
    )


def _arrays(motion: Motion) -> bytes:
    import io

    import numpy as np

    out = io.BytesIO()
    np.savez_compressed(
        out, root=motion.root, rotations=motion.rotations, joints=np.array(motion.joints),
        parents=np.array(motion.parents), offsets=motion.offsets, fps=motion.fps,
    )  # fmt: skip
    return out.getvalue()


def _loaded(
    clip: Path, body: str, shape: list[str] | None, unit: str, fps: float, frames: str
) -> tuple[BakedBody, Motion]:
    source = _read(clip, unit, fps, frames)
    person = _body(body, shape)
    return person, onto(source, person)


def _read(clip: Path, unit: str, fps: float, frames: str, ends: bool = False) -> Motion:
    motion = read_motion(clip, unit=unit, ends=ends)
    motion = skeleton.resample(motion, fps) if fps else motion
    if not frames:
        return motion
    first, colon, last = frames.partition(":")
    try:
        part = slice(int(first or 0), int(last) if last else None)
    except ValueError:
        raise InvalidInput(f"no frames '{frames}'", hint="such as 30:90") from None
    chosen = skeleton.selected(motion, part)
    if not colon or not len(chosen.root):
        raise InvalidInput(
            f"{clip} has no frames {frames}: it has {len(motion.root)}", hint="such as 30:90"
        )
    return chosen


def _body(name: str, shape: list[str] | None) -> BakedBody:
    if name == "auto" and not installed():
        _say("anny is not installed: drawing the capsule body (pip install 'interleaf-body[anny]')")
    model = body_model(name)
    if hasattr(model, "say"):
        cast(Any, model).say = _say
    return model.bake(shape_of(shape or []))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (
        width.isdecimal()
        and height.isdecimal()
        and 0 < int(width) <= 8192
        and 0 < int(height) <= 8192
    ):
        raise InvalidInput(f"no size '{text}'", hint="such as 640x480, at most 8192 a side")
    return int(width), int(height)


def _suffix(out: Path, wanted: Literal[".html", ".bvh"]) -> None:
    if out.suffix.lower() != wanted:
        raise InvalidInput(f"{out}: this command writes {wanted} files", hint=f"-o clip{wanted}")


def _counted(frames: Iterable[Array], count: int) -> Iterator[Array]:
    """The frames, with a line of progress on a terminal."""
    for done, frame in enumerate(frames, 1):
        if sys.stderr.isatty():
            end = "\n" if done == count else ""
            print(f"\r{done}/{count}", end=end, file=sys.stderr, flush=True)
        yield frame


def _say(message: str) -> None:
    print(message, file=sys.stderr)
