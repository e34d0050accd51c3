"""``interleaf followclick animate | segment``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput, closest

Photo = Annotated[Path, typer.Argument(help="any picture")]
At = Annotated[list[str], typer.Option(help="X,Y on a thing, in pixels; more clicks: 'X,Y X,Y'")]
Beside = Annotated[str, typer.Option("--not", help="X,Y of clicks that are not the thing")]
Method = Annotated[str, typer.Option(help="grabcut, or sam with --segmenter")]
Segmenter = Annotated[Path | None, typer.Option(help="a folder of SAM, MobileSAM or SAM 2")]
Out = Annotated[Path, typer.Option("--out", "-o", help="the file to write")]
Mask = Annotated[list[Path], typer.Option(help="instead of clicks: pictures, white is the thing")]
Say = Annotated[
    list[str], typer.Option(help="left, up right, closer, …; one for all things, or each")
]
Strength = Annotated[list[float], typer.Option(min=0, help="pixels a frame; likewise")]
Flex = Annotated[float, typer.Option(min=0, max=2, help="0: rigid; 1: as things in real clips")]
MOTIONS = ("auto", "learned", "gaussian", "rigid", "retrieval")
CLIPS = (".mp4", ".webm", ".gif", ".png", ".apng", ".mkv", ".mov", ".m4v", ".npz")


def animate(
    photo: Photo, out: Out,
    at: At = [],  # noqa: B006
    mask: Mask = [],  # noqa: B006
    say: Say = ["right"],  # noqa: B006
    strength: Strength = [4.0],  # noqa: B006
    beside: Beside = "",
    still: Annotated[Path | None, typer.Option(help="a mask of what must never change")] = None,
    frames: Annotated[int, typer.Option(min=1, max=1000)] = 16,
    fps: Annotated[float, typer.Option(min=0.1, max=240)] = 8.0,
    motion: Annotated[str, typer.Option(help="auto, learned, gaussian, rigid or retrieval")] = "auto",
    flex: Flex = 0.35,
    clips: Annotated[Path | None, typer.Option(help="videos whose motions are used")] = None,
    weights: Annotated[Path | None, typer.Option(help="a folder that `train` wrote")] = None,
    method: Method = "grabcut",
    segmenter: Segmenter = None,
    seed: Annotated[int, typer.Option(min=0, help="another one, another motion")] = 0,
) -> None:  # fmt: skip
    """Make the things at the clicks move, and nothing else."""
    _writable(out)
    from interleaf_followclick.components import FlowWarp
    from interleaf_followclick.config import FlowWarpConfig
    from interleaf_followclick.flowwarp import Region
    from interleaf_followclick.reading import each

    if motion not in MOTIONS:
        raise InvalidInput(f"no motion '{motion}'", hint=", ".join(MOTIONS))
    pixels = opened(photo)
    masks = [_mask(m, pixels) for m in mask]
    masks += [_clicked(pixels, a, beside, method, segmenter) for a in at]
    if not masks:
        raise InvalidInput("nothing was clicked", hint="--at X,Y, or --mask FILE")
    words = each(say, len(masks), "--say")
    speeds = each(strength, len(masks), "--strength")
    regions = [Region(m, w, s) for m, w, s in zip(masks, words, speeds, strict=True)]
    config: Any = {"motion": motion, "flex": flex, "weights": text(weights), "clips": text(clips)}
    model = FlowWarp(FlowWarpConfig(**config))
    kept = _mask(still, pixels) if still else None
    made = model.animate(pixels, regions, frames=frames, seed=seed, still=kept)
    for note in made.notes:
        typer.echo(note, err=True)
    told = {
        "title": f"{photo.name}: {', '.join(words)}",
        "comment": f"seed {seed}, motion {motion}",
    }
    write(out, counted(made.frames, frames), Fraction(str(fps)), told)
    print(out)


def segment(
    photo: Photo, out: Out, at: At, beside: Beside = "", method: Method = "grabcut",
    segmenter: Segmenter = None,
    overlay: Annotated[bool, typer.Option(help="tint the thing in the photo instead")] = False,
) -> None:  # fmt: skip
    """Write the mask of the thing at the clicks as PNG, white inside."""
    if out.suffix.lower() != ".png":
        raise InvalidInput(f"{out}: a mask is written as PNG", hint="-o mask.png")
    _room(out)
    from interleaf.values import Image
    from interleaf_followclick.reading import mask_image
    from interleaf_media import composites
    from interleaf_media.writing import encode_png

    pixels = opened(photo)
    mask = _clicked(pixels, " ".join(at), beside, method, segmenter)
    shown = Image(composites.overlay(pixels, mask)) if overlay else mask_image(mask)
    replace(out, encode_png(shown))
    print(f"{out}  {mask.mean():.1%} of the picture")


def opened(photo: Path) -> Any:
    """A photo [H, W, 3] uint8 in a file, upright; of an animation, the first frame."""
    from interleaf_followclick.reading import photo_of
    from interleaf_media.reading import read_image

    return photo_of(read_image(photo))


def _mask(file: Path, pixels: Any) -> Any:
    from interleaf_followclick.reading import mask_of
    from interleaf_media.reading import read_image

    return mask_of(read_image(file), pixels.shape[:2], str(file))


def _clicked(pixels: Any, at: str, beside: str, method: str, segmenter: Path | None) -> Any:
    from interleaf_followclick.components import Segment
    from interleaf_followclick.config import SegmentConfig
    from interleaf_followclick.reading import pairs

    if method not in ("grabcut", "sam"):
        raise InvalidInput(f"no method '{method}'", hint="grabcut or sam")
    config: Any = {"method": method, "weights": str(segmenter) if segmenter else None}
    size = pixels.shape[:2]
    inside, outside = (pairs(numbers(t), size, "the click") for t in (at, beside))
    masks, _ = Segment(SegmentConfig(**config)).segment(pixels, inside, outside)
    if masks[0].all():
        typer.echo("the mask covers the whole picture", err=True)
    return masks[0]


def text(path: Path | None) -> str | None:
    """A path as a parameter."""
    return str(path) if path else None


def numbers(told: str) -> list[float]:
    """``"12,30 40,8"`` as numbers."""
    try:
        return [float(n) for n in told.replace(";", " ").replace(",", " ").split()]
    except ValueError:
        raise InvalidInput(f"'{told}' is no click", hint="X,Y in pixels, such as 320,180") from None


def counted(frames: Iterable[Any], total: int) -> Iterable[Any]:
    """The same frames, told one by one on stderr."""
    for i, frame in enumerate(frames, 1):
        end = "\n" if i == total else "\r"
        typer.echo(f"\x1b[Kframe {i} of {total}{end}", err=True, nl=False)
        yield frame


def _writable(out: Path) -> None:
    if out.suffix.lower() not in CLIPS:
        near = closest(out.suffix.lower(), CLIPS)
        hint = f"did you mean '{near}'?" if near else ", ".join(CLIPS)
        raise InvalidInput(f"{out}: no format has this suffix", hint=hint)
    _room(out)


def _room(out: Path) -> None:
    if not out.parent.is_dir():
        raise InvalidInput(f"{out.parent}: no such folder", hint="make it first")


def write(out: Path, frames: Iterable[Any], fps: Fraction, told: dict[str, str]) -> None:
    """A clip in the format of its suffix; ``.npz`` holds one array, ``frames`` [T, H, W, 3] uint8."""
    if out.suffix.lower() != ".npz":
        from interleaf_media.saving import save

        save(out, frames, fps, metadata=told)
        return
    import io

    import numpy as np

    held = io.BytesIO()
    np.savez_compressed(held, frames=np.stack(list(frames)))
    replace(out, held.getvalue())


def replace(file: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(file)
