"""``interleaf vlogger speak | motion``."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from interleaf.errors import InvalidInput
from interleaf.pipeline.files import write_atomic
from interleaf_body.backends import body_model
from interleaf_body.bvh_writing import format_bvh
from interleaf_body.identity import expressions
from interleaf_body.keypoints import as_rgb, detect, read_points
from interleaf_body.photo import fit
from interleaf_body.values import Face, Person
from interleaf_body.viewing import page
from interleaf_media.encoding import encode_video
from interleaf_media.reading import read_image
from interleaf_media.sounds import read_audio
from interleaf_vlogger import sound
from interleaf_vlogger.components import TalkingMotion, face_of, pieces
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.config import MotionConfig
from interleaf_vlogger.people import motion_of
from interleaf_vlogger.speaking import Manner, drawn
from interleaf_vlogger.teacher import actions, blinking
from interleaf_vlogger.video_config import RefinerConfig

RENDERERS = ("compositor", "refiner")  # of `speak`, the better one first: see BENCHMARKS.md
MARK = "synthetic: a generated video of a person, made with interleaf-vlogger"
SoundFile = Annotated[Path, typer.Argument(help="a recording: WAV, FLAC, MP3, …")]
Out = Annotated[Path, typer.Option("-o", "--out", help="the file to write")]
Weights = Annotated[Path | None, typer.Option(help="a folder of weights; the package's by default")]
Seed = Annotated[int, typer.Option(help="another one moves otherwise")]
Steps = Annotated[int, typer.Option(help="of denoising", min=1, max=1000)]


def speak(
    photo: Annotated[Path, typer.Argument(help="PNG, JPEG, … of one person")],
    audio: SoundFile,
    out: Out,
    keypoints: Annotated[
        Path | None, typer.Option(help="YAML 'left_eye: [x, y]' and so on, in pixels")
    ] = None,
    seed: Seed = 0,
    steps: Steps = 10,
    liveliness: Annotated[
        float, typer.Option(help="of head and trunk, 0 to 1", min=0, max=1)
    ] = 0.5,
    arms: Annotated[bool, typer.Option(help="move arms that the photo shows as fitted")] = False,
    weights: Weights = None,
    mark: Annotated[bool, typer.Option(help="write what says that the video is synthetic")] = True,
    renderer: Annotated[str, typer.Option(help=" or ".join(RENDERERS))] = RENDERERS[0],
    refiner: Annotated[
        Path | None, typer.Option(help="weights of vlogger.refiner, of which none are shipped")
    ] = None,
) -> None:
    """Let the person in a photo say a recording: an .mp4 of the photo's size, as long as the sound.

    Only for people who agreed to it.
    """
    if out.suffix.lower() != ".mp4":
        raise InvalidInput(f"{out}: videos are written as .mp4", hint="-o out.mp4")
    if renderer not in RENDERERS:
        raise InvalidInput(f"no renderer '{renderer}'", hint=" or ".join(RENDERERS))
    picture, heard = read_image(photo), read_audio(audio, str(audio))
    height, width = picture.pixels.shape[:2]
    points = read_points(keypoints, (width, height)) if keypoints else detect(picture.pixels)
    for note in points.notes:
        _say(note)
    person = fit(body_model("anny"), "anny", points, (width, height))
    if not person.trusted:
        _say(
            f"the body was fitted to {'a detected face' if points.guessed else 'points'} with a residual of "
            f"{person.residual:.1f} px: give exact points with --keypoints where the mouth is misplaced"
        )
    model = TalkingMotion(MotionConfig(weights=str(weights) if weights else None))
    samples = sound.mono(heard)
    total = sound.frames_of(samples, model.config.fps)
    drawer = _drawer(renderer, refiner, picture.pixels, person)
    frames = drawn(drawer, blocks(model, samples, seed, steps, total), Manner(liveliness, arms))
    told = {"comment": MARK} if mark else {}
    rate = Fraction(str(model.config.fps)).limit_denominator(1001)
    data = encode_video(_counted(frames, total), rate, "h264", audio=heard, metadata=told)
    write_atomic(out, data)
    if mark:
        side = {
            "mark": MARK, "seed": seed, "steps": steps, "renderer": renderer,
            "photo_sha256": _digest(photo), "audio_sha256": _digest(audio),
            "video_sha256": hashlib.sha256(data).hexdigest(),
        }  # fmt: skip
        write_atomic(out.with_suffix(".json"), json.dumps(side, indent=1).encode())
    seconds = len(samples) / sound.RATE
    _say(f"{out}: {total} frames of {width}×{height}, {seconds:.2f} s, drawn by the {renderer}")


def _drawer(renderer: str, weights: Path | None, pixels: Any, person: Person) -> Compositor:
    """What draws the photo [H, W, C]."""
    if renderer == "compositor":
        return Compositor(pixels, person)
    from interleaf_vlogger.refining.components import Refiner

    config = RefinerConfig(weights=str(weights) if weights else None)
    return Refiner(config).over(as_rgb(pixels), person)


def motion(
    audio: SoundFile,
    out: Out,
    seed: Seed = 0,
    steps: Steps = 10,
    body: Annotated[
        str, typer.Option(help="whose joints: anny, or capsule with own weights")
    ] = "anny",
    weights: Weights = None,
) -> None:
    """Movement from a recording: .npz (face and turns), .bvh (the body alone) or .html (to look at)."""
    if out.suffix.lower() not in (".npz", ".bvh", ".html"):
        raise InvalidInput(f"{out}: no known ending", hint=".npz, .bvh or .html")
    model = TalkingMotion(MotionConfig(body=body, weights=str(weights) if weights else None))  # type: ignore[arg-type]
    samples = sound.mono(read_audio(audio, str(audio)))
    total = sound.frames_of(samples, model.config.fps)
    parts = list(_counted(blocks(model, samples, seed, steps, total), -(-total // 32)))
    turns = np.concatenate([p[0] for p in parts])
    names = parts[0][1].names
    face = Face(np.concatenate([p[1].amounts for p in parts]), names)
    baked = body_model(body).bake()
    moved = motion_of(turns, body, baked, model.config.fps)
    if out.suffix.lower() == ".npz":
        import io

        held = io.BytesIO()
        np.savez_compressed(
            held, expr=face.amounts, expr_names=np.array(names), rotations=moved.rotations,
            joint_names=np.array(moved.joints), fps=moved.fps,
        )  # fmt: skip
        data = held.getvalue()
    elif out.suffix.lower() == ".bvh":
        data = format_bvh(moved).encode()
    else:
        amounts = expressions(baked, face, total)
        text = page(baked, baked.posed(moved, amounts), moved.fps, title=audio.stem, expr=amounts)
        data = text.encode()
    write_atomic(out, data)
    _say(f"{out}: {total} frames at {moved.fps:g} a second")


def blocks(
    model: TalkingMotion, samples: Any, seed: int, steps: int, total: int
) -> Iterator[tuple[Any, Face]]:
    """Turns of the body and the face, block after block."""
    baked, first = body_model(model.config.body).bake(), 0
    for lips, turns in pieces(model, samples, seed, steps=steps):
        last = first + len(lips)
        shut = blinking(first, last, model.config.fps, np.random.default_rng([seed, 1]))
        yield turns, face_of(actions(lips, shut), baked)
        first = last


def _counted(things: Iterable[Any], total: int) -> Iterator[Any]:
    """The same, with a line on stderr that counts."""
    for done, thing in enumerate(things, 1):
        print(f"\r{done}/{total}", end="" if done < total else "\n", file=sys.stderr, flush=True)
        yield thing


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
