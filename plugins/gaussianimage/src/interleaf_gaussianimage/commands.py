"""``interleaf gaussianimage encode | decode | info | verify | bench``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf import load
from interleaf.errors import InvalidInput
from interleaf.pipeline.files import write_atomic
from interleaf.values import Image
from interleaf_gaussianimage.codec import STEP, open_file, parse, write
from interleaf_gaussianimage.decoding import decode as decode_bytes
from interleaf_gaussianimage.encoding import PRESETS
from interleaf_gaussianimage.encoding import encode as encode_image
from interleaf_media.reading import read_image
from interleaf_media.writing import encode_png

File = Annotated[Path, typer.Argument(help="a .gsi file")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def encode(
    picture: Annotated[Path, typer.Argument(help="PNG, JPEG, TIFF, WebP, …")],
    out: Annotated[Path, typer.Argument(help="the .gsi file to write")],
    bpp: Annotated[float | None, typer.Option(help="bits per pixel of the file")] = None,
    psnr: Annotated[float | None, typer.Option(help="instead: dB to reach")] = None,
    points: Annotated[int | None, typer.Option(help="instead: about how many Gaussians")] = None,
    preset: Annotated[str, typer.Option(help="fast, default or max")] = "default",
    layers: Annotated[int, typer.Option(help="parts that draw alone, 1 to 4")] = 1,
    seed: Annotated[int, typer.Option(help="of the start")] = 0,
) -> None:
    """Write a picture as Gaussians; 0.3 bits per pixel unless told otherwise."""
    chosen = next((p for p in PRESETS if p == preset), None)
    if chosen is None:
        raise InvalidInput(f"no preset '{preset}'", hint=f"one of {', '.join(PRESETS)}")
    image = read_image(picture)
    meta = json.dumps({"source": picture.name, "preset": preset}, ensure_ascii=False).encode()
    try:
        data = encode_image(
            image.pixels, bpp=bpp, psnr=psnr, points=points, preset=chosen, layers=layers, seed=seed,
            meta=meta, icc=image.icc, report=_report,
        )  # fmt: skip
    except ValueError as error:
        raise InvalidInput(str(error), hint="interleaf gaussianimage encode --help") from None
    write_atomic(out, data)
    _report(0, 0)
    print(_told(describe(data)))


def _report(done: int, all_: int) -> None:
    """A line of progress on a terminal."""
    if sys.stderr.isatty():
        text = f"\r{100 * done // all_:3d} %" if all_ else "\r      \r"
        print(text, end="", file=sys.stderr, flush=True)


def decode(
    file: File,
    out: Annotated[Path, typer.Argument(help="the PNG file to write")],
    region: Annotated[str, typer.Option(help="x,y,width,height in pixels of the picture")] = "",
    scale: Annotated[float, typer.Option(help="drawn pixels per pixel, a side")] = 1.0,
    layers: Annotated[int | None, typer.Option(help="stop after so many")] = None,
    partial: Annotated[bool, typer.Option(help="take a file that was cut off")] = False,
) -> None:
    """Draw a .gsi file, all of it or a part, at any scale, as PNG."""
    data = read(file)
    box = None
    if region:
        try:
            x, y, width, height = map(int, region.split(","))
        except ValueError:
            raise InvalidInput(f"no region '{region}'", hint="--region x,y,width,height") from None
        box = (x, y, width, height)
    try:
        pixels = decode_bytes(data, region=box, scale=scale, layers=layers, partial=partial)
        icc = open_file(data, partial=partial).icc
    except InvalidInput:
        raise
    except ValueError as error:
        raise InvalidInput(str(error), hint="interleaf gaussianimage info FILE") from None
    write_atomic(out, encode_png(Image(pixels, icc)))
    print(out)


def info(file: File, as_json: Json = False) -> None:
    """What a file says of itself, without drawing it."""
    found = describe(read(file))
    print(json.dumps(found, ensure_ascii=False, indent=1) if as_json else _told(found))


def verify(files: Annotated[list[Path], typer.Argument(help=".gsi files")]) -> None:
    """Whether files are sound: every checksum, every Gaussian, the same bytes when written again."""
    for file in files:
        data = read(file)
        if write(parse(data)) != data:
            raise InvalidInput(f"{file} is sound, but not written as this package would")
        print(f"{file}: sound")


def read(file: Path) -> bytes:
    """A file's bytes; InvalidInput where there are none."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}", hint="give a .gsi file") from None


def describe(data: bytes) -> dict[str, Any]:
    """Bytes, bits per pixel, N, layers and the sizes of the chunks."""
    file = open_file(data)
    h = file.header
    return {
        "bytes": len(data), "bpp": len(data) * 8 / (h.width * h.height), "width": h.width,
        "height": h.height, "channels": h.channels, "depth": h.depth, "points": h.points,
        "layers": [
            {"points": sum(points for points, _, _ in listed), "delta": delta / STEP}
            for listed, delta in zip(file.blocks, file.deltas, strict=True)
        ],
        "blocks": len(file.blocks[0]), "chunks": file.sizes,
        "meta": file.meta.decode("utf-8", "replace"),
    }  # fmt: skip


def _told(found: dict[str, Any]) -> str:
    size = (
        f"{found['width']}×{found['height']}, {found['channels']} channels of {found['depth']} bits"
    )
    chunks = ", ".join(f"{name} {n}" for name, n in found["chunks"].items())
    return (
        f"{found['bytes']} bytes, {found['bpp']:.4f} bits per pixel; {size}\n"
        f"{found['points']} Gaussians in {len(found['layers'])} layers and {found['blocks']} blocks\n{chunks}"
    )


def bench(
    picture: Annotated[Path, typer.Argument(help="PNG, JPEG, TIFF, WebP, …")],
    bpp: Annotated[float, typer.Option(help="bits per pixel of the file")] = 0.3,
    preset: Annotated[str, typer.Option(help="fast, default or max")] = "default",
    decodes: Annotated[int, typer.Option(help="how often to decode; the median counts")] = 50,
    as_json: Json = False,
) -> None:
    """Time, memory and decoding speed of the codec on a picture, on this machine, beside Pillow's codecs."""
    image = read_image(picture)
    speed = load("gaussianimage.speed", decodes=decodes)
    codecs = {"gsi": load("gaussianimage.gsi", bpp=bpp, preset=preset)}
    for name, quality in (("jpeg", 50), ("webp", 60), ("avif", 55)):
        codecs[name] = load("media.compress", codec=name, quality=quality)
    rows = {
        name: {m.name: m.value for m in speed(model=codec, image=image).measures}
        for name, codec in codecs.items()
    }
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    print("        bpp      dB  encode, s  memory, MiB  decode, ms  pictures a second")
    for name, row in rows.items():
        columns = ("bpp", "psnr", "seconds", "memory", "decode", "pictures_per_second")
        bpp_, psnr_, *rest = (row[c] for c in columns)
        told = "{:>11.2f}{:>13.0f}{:>12.2f}{:>19.0f}".format(*rest)
        print(f"{name:<5}{bpp_:>6.3f}{psnr_:>8.2f}{told}")
