"""VMAF v0.6.1 through the ffmpeg program inside imageio-ffmpeg, whose libvmaf has the model built in."""

import contextlib
import json
import subprocess
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from interleaf.errors import InterleafError, Problem, ProblemsFound
from interleaf.interfaces import Measure
from interleaf_media.extras import need
from interleaf_media.fidelity import Samples
from interleaf_media.perceptual import color
from interleaf_media.piping import ffmpeg
from interleaf_media.series import Series

MODEL = "vmaf_v0.6.1"


class Vmaf:
    """Frames go in pair by pair, one above the other, through one lossless pipe."""

    def __init__(self) -> None:
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.absent = "there are no frames"
        self._end: Callable[[], object] = lambda: None

    def update(self, subject: Samples, reference: Samples | None, mask: Any = None) -> None:
        """One pair of frames."""
        if reference is None:
            self.absent = "there is no reference"
            return
        if self.process is None:
            self._start(*subject.shape[:2])
        for frame in (subject, reference):
            eight = frame if frame.dtype == np.uint8 else (frame // 257).astype(np.uint8)
            try:
                self._pipe().write(np.ascontiguousarray(color(eight)).tobytes())
            except BrokenPipeError:
                return  # told by measures()

    def stop(self) -> None:
        """End the program and drop what it found."""
        self._end()

    def _pipe(self) -> IO[bytes]:
        assert self.process and self.process.stdin
        return self.process.stdin

    def _start(self, height: int, width: int) -> None:
        require()
        self.folder = tempfile.TemporaryDirectory()
        parts = (
            f"scale=out_range=tv,format=yuv444p,split[p][q];[p]crop={width}:{height}:0:0[x];"
            f"[q]crop={width}:{height}:0:{height}[y];[x][y]{_filter(Path(self.folder.name))}"
        )
        command = [ffmpeg(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s"]
        command += [
            f"{width}x{2 * height}",
            "-r",
            "25",
            "-i",
            "-",
            "-lavfi",
            parts,
            "-f",
            "null",
            "-",
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._end = weakref.finalize(self, _ended, self.process, self.folder)  # whatever happens

    def merge(self, later: "Vmaf") -> "Vmaf":
        """VMAF's motion term looks at neighbouring frames, so that parts do not add up."""
        self.stop()
        later.stop()
        both = Vmaf()
        both.absent = "vmaf is computed over whole clips, not over merged parts"
        return both

    def measures(self) -> list[Measure]:
        """The mean over frames; None with ffmpeg's reason where it refuses the frames."""
        if self.process is None or self.folder is None:
            return [_measure(Series(), self.absent, "rgb")]
        _, told = self.process.communicate()
        series, reason = _read(Path(self.folder.name), told)
        self.stop()
        return [_measure(series, reason, "rgb")]


def _ended(process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stderr):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()
    folder.cleanup()


def vmaf_files(subject: Path, reference: Path) -> Measure:
    """VMAF of two video files as ffmpeg decodes them, without a detour through RGB."""
    require()
    with tempfile.TemporaryDirectory() as folder:
        command = [ffmpeg(), "-v", "error", "-i", str(subject), "-i", str(reference), "-lavfi"]
        command += [f"[0:v:0][1:v:0]{_filter(Path(folder))}", "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
        return _measure(*_read(Path(folder), done.stderr), "files")


def require() -> None:
    """E204 unless this ffmpeg has libvmaf."""
    need("imageio_ffmpeg", "video")
    listed = subprocess.run([ffmpeg(), "-v", "error", "-h", "filter=libvmaf"], capture_output=True)
    if b"Unknown filter" in listed.stdout + listed.stderr:
        hint = "pip install 'interleaf-media[video]' and unset IMAGEIO_FFMPEG_EXE"
        raise ProblemsFound([Problem("E204", f"{ffmpeg()} was built without libvmaf", hint=hint)])


def _filter(folder: Path) -> str:
    log = str(folder / "log.json").replace("\\", "/").replace(":", r"\:")
    return f"libvmaf=model=version={MODEL}:log_fmt=json:log_path={log}:n_threads=2"


def _read(folder: Path, told: bytes) -> tuple[Series, str]:
    log = folder / "log.json"
    if not log.is_file():
        lines = told.decode(errors="replace").strip().splitlines()
        return Series(), f"ffmpeg gave no result: {lines[0] if lines else 'no reason'}"
    try:
        frames = json.loads(log.read_text())["frames"]
        return Series([float(f["metrics"]["vmaf"]) for f in frames]), ""
    except (ValueError, KeyError, TypeError) as error:
        raise InterleafError(f"libvmaf wrote a log that cannot be read: {error}") from error


def _measure(series: Series, reason: str, given: str) -> Measure:
    value, left = series.mean()
    version = need("imageio_ffmpeg", "video").get_ffmpeg_version() if value is not None else ""
    settings = {
        "backend": f"libvmaf, ffmpeg {version}", "weights": f"{MODEL} (built in)", "range": "0..255",
        "resize": "none", "version": "1", "input": given,
    }  # fmt: skip
    return Measure(
        name="vmaf", value=value, reason=reason or left, direction="up", n=max(len(series.finite), 1),
        interval=series.interval(), settings=settings,
    )  # fmt: skip
