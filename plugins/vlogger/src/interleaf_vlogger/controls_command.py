"""``interleaf vlogger controls``."""

from __future__ import annotations

import io
import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from interleaf.errors import InvalidInput
from interleaf.pipeline.files import write_atomic
from interleaf_body.backends import body_model
from interleaf_body.keypoints import detect, read_points
from interleaf_body.photo import fit
from interleaf_media.encoding import encode_video
from interleaf_media.reading import read_image
from interleaf_media.sounds import read_audio
from interleaf_vlogger import commands, sound
from interleaf_vlogger.components import TalkingMotion
from interleaf_vlogger.config import MotionConfig
from interleaf_vlogger.controlling import REGIONS, Controller, joined, pictured
from interleaf_vlogger.speaking import Manner, moved


def controls(
    photo: Annotated[Path, typer.Argument(help="PNG, JPEG, … of one person")],
    audio: commands.SoundFile,
    out: Annotated[Path, typer.Option("-o", "--out", help=".npz (arrays) or .mp4 (to look at)")],
    keypoints: Annotated[
        Path | None, typer.Option(help="YAML 'left_eye: [x, y]' and so on, in pixels")
    ] = None,
    side: Annotated[
        int, typer.Option(help="pixels of the longer side; 0: the photo's", min=0, max=4096)
    ] = 128,
    seed: commands.Seed = 0,
    steps: commands.Steps = 25,
    liveliness: Annotated[
        float, typer.Option(help="of head and trunk, 0 to 1", min=0, max=1)
    ] = 0.5,
    arms: Annotated[bool, typer.Option(help="move arms that the photo shows as fitted")] = False,
    weights: commands.Weights = None,
) -> None:
    """The maps that tell a renderer of video what to draw while a recording is said.

    An .npz holds dense [T, H, W, 3], regions [T, H, W, 7], warp [T, H, W, 3], valid [T, H, W], names and fps.
    """
    if out.suffix.lower() not in (".npz", ".mp4"):
        raise InvalidInput(f"{out}: no known ending", hint=".npz or .mp4")
    picture, heard = read_image(photo), read_audio(audio, str(audio))
    height, width = picture.pixels.shape[:2]
    points = read_points(keypoints, (width, height)) if keypoints else detect(picture.pixels)
    person = fit(body_model("anny"), "anny", points, (width, height))
    scale = side / max(width, height) if side else 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    controller = Controller(picture.pixels, person, size)
    model = TalkingMotion(MotionConfig(weights=str(weights) if weights else None))
    samples = sound.mono(heard)
    total = sound.frames_of(samples, model.config.fps)
    parts = []
    for turns, face in commands.blocks(model, samples, seed, steps, total):
        posed = moved(controller, turns, face, Manner(liveliness, arms))
        parts += [controller.one(v) for v in posed]
        print(f"\r{len(parts)}/{total}", end="", file=sys.stderr, flush=True)
    found = joined(parts)
    if out.suffix.lower() == ".npz":
        held = io.BytesIO()
        np.savez_compressed(
            held, dense=found.dense.astype(np.float16), regions=found.regions, warp=found.warp,
            valid=found.valid, names=np.array(REGIONS), fps=model.config.fps,
        )  # fmt: skip
        data = held.getvalue()
    else:
        rate = Fraction(str(model.config.fps)).limit_denominator(1001)
        data = encode_video(pictured(found), rate, "h264", audio=heard)
    write_atomic(out, data)
    print(f"\n{out}: {total} frames of {size[0]}×{size[1]}", file=sys.stderr)
