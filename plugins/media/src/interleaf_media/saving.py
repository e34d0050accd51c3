"""Moving pictures out: bytes or files of every format."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Artifact, Audio, Image
from interleaf_media.encoding import FORMATS, encode_video
from interleaf_media.splicing import encode_apng, encode_gif, whole
from interleaf_media.videoinfo import Pixels
from interleaf_media.writing import encode_png, to_integers

MEDIA_TYPES = {
    **{name: form.media_type for name, form in FORMATS.items()},
    "gif": "image/gif",
    "apng": "image/png",
    "npz": "application/zip",
}
SUFFIXES = {".mp4": "h264", ".m4v": "h264", ".mov": "h264", ".webm": "vp9", ".mkv": "ffv1", ".gif": "gif",
            ".png": "apng", ".apng": "apng", ".npz": "npz"}  # fmt: skip


def integers(frames: Iterable[Pixels]) -> Iterable[Pixels]:
    """Frames as they are stored: floats become 8 bits."""
    return (to_integers(Image(f)).pixels if f.dtype.kind == "f" else f for f in frames)


def encode(
    frames: Iterable[Pixels],
    fps: Fraction,
    codec: str = "h264",
    *,
    crf: int = 16,
    lossless: bool = False,
    audio: Audio | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Artifact:
    """A file of frames [H, W, C]; ``codec`` is h264, vp9, ffv1, gif, apng or npz.

    GIF, APNG and .npz hold no sound. ``metadata`` goes into the file where it has a place for it.
    """
    frames, notes = integers(frames), dict(metadata or {})
    if codec in FORMATS:
        data = encode_video(
            frames, fps, codec, crf=crf, lossless=lossless, audio=audio, metadata=notes
        )
        return Artifact(data, MEDIA_TYPES[codec])
    kept = list(frames)
    if not kept:
        raise InvalidInput("a moving picture needs at least one frame", hint="the input has none")
    if len({f.shape for f in kept}) > 1:
        raise InvalidInput("the frames have different sizes", hint="a moving picture has one size")
    told = json.dumps(notes, sort_keys=True) if notes else ""
    if codec == "gif":
        data = encode_gif(whole(_colors(kept)), fps, note=told)
    elif codec == "apng":
        data = encode_apng(kept, fps, note=told)
    else:
        data = _npz(kept, fps, told)
    return Artifact(data, MEDIA_TYPES[codec])


def _colors(frames: list[Pixels]) -> list[Pixels]:
    eight = [(f // 257).astype(np.uint8) if f.dtype == np.uint16 else f for f in frames]
    return [np.repeat(f[..., :1], 3, axis=2) if f.shape[2] < 3 else f for f in eight]


def _npz(frames: list[Pixels], fps: Fraction, told: str) -> bytes:
    arrays = {"frames": np.stack(frames), "fps": np.array(str(fps)), "metadata": np.array(told)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            inner = io.BytesIO()
            np.lib.format.write_array(inner, array, allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), inner.getvalue()
            )
    return out.getvalue()


def save(
    file: Path, frames: Iterable[Pixels], fps: Fraction, codec: str = "", **options: object
) -> None:
    """Write a file (its suffix names the codec), or for a path without one a folder of PNGs."""
    if not file.suffix and not codec:
        save_pictures(file, frames)
        return
    chosen = codec or SUFFIXES.get(file.suffix.lower(), "")
    if not chosen:
        raise InvalidInput(f"{file}: no format has this suffix", hint=", ".join(sorted(SUFFIXES)))
    made = encode(frames, fps, chosen, **options)  # type: ignore[arg-type]
    _replace(file, made.data)


def save_pictures(folder: Path, frames: Iterable[Pixels]) -> int:
    """PNG files 000000.png, 000001.png, … in a folder that is made; how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, frame in enumerate(integers(frames), 1):
        _replace(folder / f"{count - 1:06d}.png", encode_png(Image(frame)))
    return count


def _replace(file: Path, data: bytes) -> None:
    part = file.with_name(file.name + ".part")
    part.write_bytes(data)
    part.replace(file)
