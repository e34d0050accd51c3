"""``interleaf vlogger edit``."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf.pipeline.files import write_atomic
from interleaf.values import Audio, Frames, Image
from interleaf_body.backends import body_model
from interleaf_body.keypoints import as_rgb, detect, read_points
from interleaf_body.photo import fit
from interleaf_media.encoding import FORMATS, encode_video
from interleaf_media.reading import read_image
from interleaf_media.videos import read_clip
from interleaf_media.writing import encode_png
from interleaf_vlogger.commands import MARK
from interleaf_vlogger.edits import Edit
from interleaf_vlogger.video_config import EditConfig

VIDEOS = {form.suffix: name for name, form in FORMATS.items()}
MOVING = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".mpg", ".mpeg", ".gif", ".m4v")


def edit(
    source: Annotated[Path, typer.Argument(help="a photo or a video of one person")],
    out: Annotated[Path, typer.Option("-o", "--out", help=".png; .mp4, .webm, .mkv (no loss)")],
    mouth: Annotated[
        str, typer.Option(help="0 closes it, 1 opens it, x0.5 halves its opening")
    ] = "",
    eyes: Annotated[str, typer.Option(help="1 closes them")] = "",
    gaze: Annotated[str, typer.Option(help="'0.5,0': to the person's left; '0,-1': down")] = "",
    do: Annotated[
        list[str] | None, typer.Option(help="any edit, such as mouthSmileLeft=0.5 or mouth=0@10-20")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="a picture, black where nothing may change")
    ] = None,
    keypoints: Annotated[
        Path | None, typer.Option(help="YAML of the first frame: 'left_eye: [x, y]' and so on")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="where to write what may differ, as -o")
    ] = None,
) -> None:
    """Change the expression of a person in a photo or a video; outside of the mask nothing changes.

    Only for people who agreed to it. Written as .mkv or .png, pixels outside of the mask are those of the
    source bit for bit; .mp4 and .webm lose a little everywhere.
    """
    words = [f"{n}={v}" for n, v in (("mouth", mouth), ("eyes", eyes), ("gaze", gaze)) if v]
    words += do or []
    if not words:
        raise InvalidInput("nothing to change", hint="--mouth 0, --eyes 1, --do mouthSmileLeft=0.4")
    frames, sound = _read(source)
    still = source.suffix.lower() not in MOVING
    for file in (out, masks):
        if file and file.suffix.lower() not in ([".png"] if still else VIDEOS):
            raise InvalidInput(
                f"{file}: not written as {file.suffix or 'a file without ending'}",
                hint="-o out.png of a photo; out.mkv, out.mp4 or out.webm of a video",
            )
    size = frames.pixels.shape[2], frames.pixels.shape[1]
    points = read_points(keypoints, size) if keypoints else detect(frames.pixels[0])
    for note in points.notes:
        print(note, file=sys.stderr)
    person = fit(body_model("anny"), "anny", points, size)
    model = Edit(EditConfig(operations=tuple(words)))
    limit = read_image(mask) if mask else None
    found = model.apply(frames, person, limit, Context(monitor=_Counting()))
    _write(out, found["frames"], sound, {"comment": MARK})
    if masks:
        _write(masks, found["masks"], None, {})


def _read(source: Path) -> tuple[Frames, Audio | None]:
    if source.suffix.lower() in MOVING:
        clip = read_clip(source).clip
        return clip.frames, clip.audio
    return Frames(as_rgb(read_image(source).pixels)[None], Fraction(1)), None


def _write(file: Path, frames: Frames, sound: Audio | None, told: dict[str, str]) -> None:
    if file.suffix.lower() == ".png":
        data = encode_png(Image(frames.pixels[0]))
    else:
        codec = VIDEOS[file.suffix.lower()]
        data = encode_video(frames.pixels, frames.fps, codec, audio=sound, metadata=told)
    write_atomic(file, data)
    print(f"{file}: {len(frames)} frames", file=sys.stderr)


class _Counting:
    """Frames counted on stderr."""

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """A line that counts."""
        print(f"\r{done}/{total}", end="" if done != total else "\n", file=sys.stderr, flush=True)

    def notice(self, message: str) -> None:
        """A line of its own."""
        print(message, file=sys.stderr)
