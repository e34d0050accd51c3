"""`vlogger.benchmark`: the paper's nine metrics (table 3) for a folder of generated clips, HDTF's layout.

Every metric of the paper needs weights of others or cannot be had; what stands in for it has its own name:

| of the paper | needs | stand-in | which is |
|---|---|---|---|
| FID ↓ | Inception | `frechet_hog` ↓ | Fréchet distance of principal components of HOG and colours |
| CPBD ↑ | its authors' program | `sharp_edges` ↑ | the same count by our own edges |
| NIQE ↓ | a model of natural pictures | – | with `niqe`, a file, it is NIQE itself |
| LSE-D ↓ | SyncNet | `lips_loudness` ↑ | correlation of lips and loudness, less that of shifted sound |
| LME ↓ | a landmark network | `lips_error` ↓ | how far lips are apart, against the true clip, mm |
| expression std | an expression network | `jaw_std` | of how far the jaw is open, over time |
| head error ↓ | a pose network | `head_error` ↓ | degrees between fitted heads |
| ArcFace distance ↓ | ArcFace | `face_hog` ↓ | 1 − cosine of HOG and colours of faces |
| jitter ↓ | a landmark network | `points_jitter` ↓ | jerk of followed points, m/s³ |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from interleaf.errors import InterleafError, InvalidInput
from interleaf.interfaces import Context, Evaluator, Measure, Report
from interleaf.values import Audio, Table
from interleaf_body.backends import body_model
from interleaf_body.following import Track, follow
from interleaf_body.keypoints import detect, read_points
from interleaf_body.photo import fit
from interleaf_media.frechet import Moments, frechet
from interleaf_media.natural import SMALLEST, niqe, read_model
from interleaf_media.videos import read_clip
from interleaf_vlogger import sound
from interleaf_vlogger.building import VIDEOS, jaws
from interleaf_vlogger.likeness import apart, descriptor, sharpness
from interleaf_vlogger.pursuing import pursued
from interleaf_vlogger.video_config import BenchmarkConfig

Floats = np.ndarray[Any, Any]
PAPER = {
    "fid": "frechet_hog", "cpbd": "sharp_edges", "niqe": "", "lse_d": "lips_loudness", "lme": "lips_error",
    "expression_std": "jaw_std", "head_error": "head_error", "arcface_distance": "face_hog",
    "jitter": "points_jitter",
}  # fmt: skip
NETWORK = "needs a landmark network, which is not here"
WHY = {
    "fid": "needs Inception's weights (media.fid takes them)", "cpbd": "not held to its authors' program",
    "lse_d": "needs SyncNet, which is not here", "lme": NETWORK, "jitter": NETWORK,
    "expression_std": "needs an expression network, which is not here",
    "arcface_distance": "needs ArcFace, which is not here",
}  # fmt: skip
UNITS = {"lips_error": "mm", "head_error": "°", "points_jitter": "m/s³"}
UP = ("sharp_edges", "lips_loudness")
SOME = 8  # frames of a clip whose pictures are described
COMPONENTS = 8  # principal components of descriptors
SHIFTS = range(4, 13)  # frames


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A clip: frames [T, H, W, 3], sound, points [T, N, 2] and the person followed through it; no person
    where no face was found."""

    frames: Floats
    fps: float
    audio: Audio | None
    points: Floats
    track: Track | None


def seen(file: Path, keypoints: Path, body: str, size: tuple[int, int] | None = None) -> Seen:
    """A clip of a folder, at ``size`` (width, height); points of its first frame from a file, or detected."""
    clip = read_clip(file).clip
    frames = clip.frames.pixels[..., :3]
    if size and frames.shape[2:0:-1] != size:
        frames = np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames])
    wide = frames.shape[2], frames.shape[1]
    try:
        first = read_points(keypoints, wide) if keypoints.is_file() else detect(frames[0])
    except InterleafError:
        return Seen(frames, float(clip.frames.fps), clip.audio, np.zeros((len(frames), 0, 2)), None)
    names, at = pursued(np.ascontiguousarray(frames), first)
    track = follow(fit(body_model(body), body, first, wide), names, at)
    return Seen(frames, float(clip.frames.fps), clip.audio, at, track)


def compared(made: Seen, true: Seen) -> dict[str, float | None]:
    """The stand-ins of one clip that need no other clips."""
    out: dict[str, float | None] = dict.fromkeys(
        [v for v in PAPER.values() if v and v != "frechet_hog"]
    )
    sharp = [s for f in _some(made.frames) if (s := sharpness(f)) is not None]
    out["sharp_edges"] = float(np.mean(sharp)) if sharp else None
    if made.track is None or true.track is None:
        return out
    count = min(len(made.frames), len(true.frames))
    scale = abs(float(made.track.transl[0, 2])) / made.track.person.lens[0]  # metres a pixel
    third = np.linalg.norm(np.diff(made.points, n=3, axis=0), axis=-1) * scale * made.fps**3
    out["points_jitter"] = float(np.nanmean(third)) if np.isfinite(third).any() else None
    turns = [t.rotvec[:count].sum(1) - t.rotvec[0].sum(0) for t in (made.track, true.track)]
    out["head_error"] = float(np.degrees(np.linalg.norm(turns[0] - turns[1], axis=1)).mean())
    faces = [descriptor(_face(s, 0)) for s in (made, true)]
    out["face_hog"] = float(np.mean([
        apart(descriptor(_face(made, t)), faces[1]) for t in range(0, count, max(1, count // SOME))
    ]))  # fmt: skip
    gaps = [jaws(s.frames[:count], s.track) for s in (made, true) if s.track]
    if max(g.max(initial=0) for g in gaps) > 0:
        opens = _opens(made.track)
        out["lips_error"] = float(np.abs(gaps[0] - gaps[1]).mean() * opens * 1000)
        out["jaw_std"] = float(gaps[0].std())
        out["lips_loudness"] = _listening(gaps[0], made)
    return out


def _opens(track: Track) -> float:
    body = body_model(track.person.body).bake(track.person.shape)
    return float(-body.basis[body.topology.expression_names.index("jawOpen"), :, 1].min())


def _listening(gap: Floats, made: Seen) -> float | None:
    """Correlation with the loudness, less the mean of that with the loudness 4 to 12 frames off."""
    if made.audio is None or gap.std() < 1e-6 or len(gap) <= 2 * max(SHIFTS):
        return None
    loud = sound.loudness(sound.mono(made.audio), len(gap), made.fps)
    if loud.std() < 1e-9:
        return None
    off = [np.corrcoef(gap, np.roll(loud, s))[0, 1] for k in SHIFTS for s in (k, -k)]
    return float(np.corrcoef(gap, loud)[0, 1] - np.mean(off))


def _some(frames: Floats) -> Floats:
    return frames[:: max(1, len(frames) // SOME)][:SOME]


def _face(clip: Seen, frame: int) -> Floats:
    """The square around the points of a frame."""
    at = clip.points[frame][np.isfinite(clip.points[frame]).all(1)]
    at = at if len(at) else clip.points[0]
    low, high = at.min(0), at.max(0)
    middle, half = (low + high) / 2, 0.75 * float((high - low).max())
    height, width = clip.frames.shape[1:3]
    x, y = np.clip([middle - half, middle + half], 0, [width, height]).astype(int).T
    x[1], y[1] = max(x[1], x[0] + 2), max(y[1], y[0] + 2)
    found: Floats = clip.frames[frame, y[0] : y[1], x[0] : x[1]]
    return found if found.size else clip.frames[frame]


def frechet_hog(made: Sequence[Floats], true: Sequence[Floats]) -> float | None:
    """The Fréchet distance of descriptors [N, D] of two sets of frames, on components of the true ones."""
    a, b = (np.stack([descriptor(f) for f in side]) for side in (made, true))
    dims = min(COMPONENTS, len(a) - 2, len(b) - 2)
    if dims < 1:
        return None
    axes = np.linalg.svd(b - b.mean(0), full_matrices=False)[2][:dims]
    return float(frechet(Moments.of(a @ axes.T), Moments.of(b @ axes.T)))


class Benchmark(Evaluator):
    """Generated clips against true ones of the same names."""

    Config = BenchmarkConfig

    def evaluate(self, ctx: Context | None = None) -> Report:
        """Means over clips; the table has a row for each."""
        c, ctx = self.config, ctx or Context()
        pairs = _pairs(Path(c.reference), Path(c.made))
        rows, made, true, natural = [], [], [], []
        model = read_model(Path(c.niqe)) if c.niqe else None
        for number, (name, ours, theirs) in enumerate(pairs, 1):
            real = seen(theirs, theirs.with_suffix(".yaml"), c.body)
            size = real.frames.shape[2], real.frames.shape[1]
            drawn = seen(ours, theirs.with_suffix(".yaml"), c.body, size)
            rows.append({"clip": name, **compared(drawn, real)})
            made += list(_some(drawn.frames))
            true += list(_some(real.frames))
            if model and min(size) >= SMALLEST:
                natural += [niqe(f, *model) for f in _some(drawn.frames)]
            ctx.monitor.progress(number, len(pairs))
        return Report(
            tuple(_measures(rows, made, true, natural, bool(model))), (Table.from_rows(rows),)
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from importlib.resources import files

        root = files("interleaf_vlogger") / "examples" / "benchmark"
        return {
            "configs": [
                BenchmarkConfig(
                    reference=str(root / "true"), made=str(root / "made"), body="capsule"
                )
            ]
        }


def _measures(
    rows: list[dict[str, Any]], made: list[Floats], true: list[Floats], natural: list[float], asked: bool
) -> list[Measure]:  # fmt: skip
    out = []
    for paper, own in PAPER.items():
        if paper == "niqe":
            value = float(np.mean(natural)) if natural else None
            why = (
                f"frames of at least {SMALLEST} pixels"
                if asked
                else "needs a model of natural pictures: niqe"
            )
            out.append(
                Measure(name="niqe", value=value, reason="" if natural else why, direction="down")
            )
            continue
        if paper != own:
            out.append(Measure(name=paper, value=None, reason=WHY[paper], direction="none"))
        direction: Any = "none" if own == "jaw_std" else "up" if own in UP else "down"
        known = [frechet_hog(made, true)] if own == "frechet_hog" else [r[own] for r in rows]
        told = [v for v in known if v is not None and np.isfinite(v)]
        why = "too few frames" if own == "frechet_hog" else "no face, no lips or no sound was found"
        out.append(Measure(
            name=own, value=float(np.mean(told)) if told else None, reason="" if told else why,
            direction=direction, unit=UNITS.get(own, ""), n=len(told),
        ))  # fmt: skip
    return out


def _pairs(reference: Path, made: Path) -> list[tuple[str, Path, Path]]:
    """Names, generated and true clips; InvalidInput for a true clip without a generated one."""
    endings = (*VIDEOS, ".npz")

    def clips(folder: Path) -> dict[str, Path]:
        found = sorted(f for f in folder.glob("*") if f.suffix.lower() in endings)
        return {f.stem: f for f in found}

    true, ours = clips(reference), clips(made)
    if not true:
        raise InvalidInput(f"{reference}: no clips", hint="NAME.mp4 for each, as HDTF has them")
    if missing := sorted(true.keys() - ours.keys()):
        raise InvalidInput(f"{made}: no clip {missing[0]}", hint=f"{missing[0]}.mp4, generated")
    return [(name, ours[name], true[name]) for name in true]
