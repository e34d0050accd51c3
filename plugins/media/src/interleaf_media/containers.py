"""Video files opened through PyAV, and an index of what they hold."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interleaf.errors import CorruptData, InvalidInput
from interleaf_media.extras import need

Where = Path | bytes


def open_container(source: Where, name: str) -> Any:
    """An input container; InvalidInput for what is missing or foreign, CorruptData for a broken file."""
    av = need("av", "video")
    if isinstance(source, Path) and not source.is_file():
        raise InvalidInput(f"{name}: no such file", hint="give the path of a video or sound file")
    try:
        return av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise CorruptData(
            f"{name}: cannot be opened as video or sound ({told(error)})",
            hint="expected MP4, MKV, WebM, MPEG, AVI, GIF, WAV, FLAC or the like, whole",
        ) from error


@dataclass(slots=True)
class Index:
    """Stamps of what is shown, those of key frames, whether a packet was damaged, and how many packets are
    decoded for others' sake and not shown (at the start of a cut that was made without coding anew)."""

    stamps: list[int] = field(default_factory=list)
    keys: set[int] = field(default_factory=set)
    damaged: bool = False
    unseen: int = 0


def video_of(container: Any, name: str) -> Any:
    if not container.streams.video:
        raise InvalidInput(f"{name}: holds no moving picture", hint="it may be a sound file")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise InvalidInput(f"{name}: its codec is not known to this FFmpeg")
    return stream


def packets(container: Any, stream: Any) -> Iterator[Any]:
    """Packets until the end, or until the file can be read no further."""
    av = need("av", "video")
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        yield packet


def index_of(container: Any, stream: Any) -> Index | None:
    """From the packets; None where they do not tell their stamps."""
    index = Index()
    for packet in packets(container, stream):
        if packet.size == 0:
            continue
        if packet.is_discard:
            index.unseen += 1
            continue
        if packet.pts is None:
            return None
        index.stamps.append(packet.pts)
        index.damaged |= bool(packet.is_corrupt)
        if packet.is_keyframe:
            index.keys.add(packet.pts)
    return index


def slow_index(source: Where, name: str) -> Index:
    """The same, by decoding everything; no key frame is told."""
    av, index = need("av", "video"), Index()
    with open_container(source, name) as container:
        stream = video_of(container, name)
        stream.thread_type = "AUTO"
        for packet in packets(container, stream):
            try:
                index.stamps += [f.pts for f in packet.decode() if f.pts is not None]
            except av.error.FFmpegError:
                index.damaged = True
    return index


def told(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
