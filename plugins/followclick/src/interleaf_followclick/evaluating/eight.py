"""The paper's eight metrics in one report (arXiv 2403.08268, section 5.1 and table 1).

Four are computed: I1-MSE, Tem-Consis, Text-Align and FVD, the last three with weights of the user's.
Four are ranks that people give: Mask-Corr, Motion, Appearance and Overall. What has no weights, or no
raters, is None with the reason; a stand-in without either is printed beside it under its own name.

| of the paper | needs | stand-in | which is |
|---|---|---|---|
| I1-MSE ↓ | – | – | mean squared error of frame 0 and the input, grey levels |
| Tem-Consis ↑ | CLIP | `temporal_ssim` | mean SSIM of consecutive frames |
| Text-Align ↑ | CLIP | `phrase_flow` | cosine of flow in the mask and the phrase's direction |
| FVD ↓ | I3D, reference clips | `fvd_like/hof` | the same distance on histograms of flow |
| Mask-Corr ↓ | raters | `mask_flow` ↑ | share of flow energy inside the grown mask |
| Motion ↓ | raters | `motion_amount` | median flow in the mask, pixels a frame |
| Appearance ↓ | raters | `kept_ssim` ↑ | mean SSIM of frames and the input |
| Overall ↓ | raters | `mean_place` ↓ | mean place of a method among all by the other stand-ins |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from interleaf.errors import CorruptData, InterleafError, InvalidInput
from interleaf.interfaces import Context, Measure
from interleaf_followclick.canonical import Mask
from interleaf_followclick.evaluating.obedience import flow_between, heading
from interleaf_followclick.phrases import UnknownPhrase
from interleaf_followclick.reading import mask_of, photo_of
from interleaf_followclick.rendering import Pixels, disc
from interleaf_media.clips import VIDEOS
from interleaf_media.fidelity import ssim
from interleaf_media.reading import read_image
from interleaf_media.videos import read_clip

RANKED = {
    "mask_correspondence": "mask_flow", "motion": "motion_amount", "appearance": "kept_ssim",
    "overall": "mean_place",
}  # fmt: skip
PLACED = ("temporal_ssim", "phrase_flow", "mask_flow", "kept_ssim")  # higher is better in all


@dataclass(frozen=True, slots=True)
class Asked:
    """An entry of the benchmark: a picture, the thing's mask, what it should do."""

    name: str
    photo: Pixels
    mask: Mask
    prompt: str


def benchmark(folder: Path) -> list[Asked]:
    """Entries of ``prompts.json`` ({"cat": "left", …}) with ``cat.png`` and ``cat.mask.png`` beside it."""
    file = folder / "prompts.json"
    if not file.is_file():
        raise InvalidInput(
            f"{file}: no such file", hint='{"cat": "left"} beside cat.png, cat.mask.png'
        )
    try:
        told = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise CorruptData(f"{file}: {error}", hint='{"cat": "left"}') from None
    if not isinstance(told, dict) or not told or not all(isinstance(p, str) for p in told.values()):
        raise CorruptData(f"{file}: expected phrases by name", hint='{"cat": "left"}')
    out = []
    for name, prompt in sorted(told.items()):
        photo = photo_of(read_image(_picture(folder, name)))
        mask = read_image(folder / f"{name}.mask.png")
        out.append(Asked(name, photo, mask_of(mask, photo.shape[:2], f"{name}.mask.png"), prompt))
    return out


def _picture(folder: Path, name: str) -> Path:
    for suffix in (".png", ".jpg", ".jpeg", ".webp"):
        if (folder / (name + suffix)).is_file():
            return folder / (name + suffix)
    raise InvalidInput(f"{folder} holds no picture {name}", hint=f"{name}.png")


def clip_of(folder: Path, entry: Asked) -> Pixels:
    """A method's clip [T, H, W, 3] for an entry, at the entry's size."""
    found = [f for f in sorted(folder.glob(f"{entry.name}.*")) if f.suffix.lower() in VIDEOS]
    if not found:
        raise InvalidInput(f"{folder} holds no clip {entry.name}", hint=f"{entry.name}.mp4 or .npz")
    clip = read_clip(found[0], sound=False).clip.frames.pixels
    height, width = entry.mask.shape
    if clip.shape[1:3] != (height, width):
        clip = np.stack(
            [cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in clip]
        )
    if len(clip) < 2:
        raise InvalidInput(f"{found[0]} has {len(clip)} frame", hint="at least 2 are judged")
    return np.asarray(clip, np.uint8)


def computed(clip: Pixels, entry: Asked) -> dict[str, float | None]:
    """What needs no weights: I1-MSE and the stand-ins, for one clip."""
    flows = [flow_between(a, b) for a, b in pairwise(clip)]
    wide = (
        cv2.dilate(entry.mask.astype(np.uint8), disc(4 + round(0.25 * entry.mask.sum() ** 0.5))) > 0
    )
    energy = np.array([np.square(f).sum(-1) for f in flows])
    mean = np.mean([np.median(f[entry.mask], 0) for f in flows], 0)
    speed = float(np.median([np.median(np.hypot(*f[entry.mask].T)) for f in flows]))
    total = float(energy.sum())
    return {
        "i1_mse": float(np.square(clip[0].astype(np.float64) - entry.photo).mean()),
        "temporal_ssim": float(np.mean([ssim(a, b) for a, b in pairwise(clip)])),
        "phrase_flow": _agreement(mean, entry.prompt),
        "mask_flow": float(energy[:, wide].sum() / total) if total > 1e-9 else None,
        "motion_amount": speed,
        "kept_ssim": float(np.mean([ssim(entry.photo, f) for f in clip[1:]])),
    }


def _agreement(mean: Any, prompt: str) -> float | None:
    try:
        wanted = heading(prompt)
    except UnknownPhrase:
        return None
    length = float(np.hypot(*mean))
    if not wanted.any():
        return None
    return float(mean @ wanted / length) if length > 0.05 else 0.0


REASONS = {
    "phrase_flow": "no phrase names a direction", "mask_flow": "nothing moves",
}  # fmt: skip
DIRECTIONS: Mapping[str, Any] = {"i1_mse": "down", "motion_amount": "none"}


def means(rows: Mapping[str, Sequence[Mapping[str, float | None]]]) -> list[Measure]:
    """One measure for each number and method."""
    out = []
    for method, found in rows.items():
        for name in found[0]:
            values = [r[name] for r in found if r[name] is not None]
            out.append(Measure(
                name=name, group=method, direction=DIRECTIONS.get(name, "up"), n=max(len(values), 1),
                value=float(np.mean(values)) if values else None,  # type: ignore[arg-type]
                reason="" if values else REASONS.get(name, "no entry has it"),
                settings={"weights": "none", "version": "1"},
            ))  # fmt: skip
    return out


def places(rows: Mapping[str, Sequence[Mapping[str, float | None]]]) -> list[Measure]:
    """``mean_place``: 1 is best in every stand-in of every entry; methods that cannot be told share."""
    from scipy.stats import rankdata

    names = list(rows)
    if len(names) < 2:
        reason = "places need two methods"
        return [Measure(name="mean_place", group=m, value=None, reason=reason) for m in names]
    ranks = []
    for i in range(len(rows[names[0]])):
        for part in PLACED:
            values = [rows[m][i][part] for m in names]
            if all(v is not None for v in values):
                ranks.append(rankdata([-v for v in values if v is not None]))
    mean = np.mean(ranks, 0)
    return [
        Measure(name="mean_place", group=m, value=float(v), direction="down", n=len(ranks))
        for m, v in zip(names, mean, strict=True)
    ]


def attempted(name: str, method: str, direction: Any, make: Callable[[], Measure]) -> Measure:
    """A measure that needs weights; None with the reason where they are not here."""
    try:
        return make()
    except InterleafError as error:
        return Measure(
            name=name, group=method, value=None, direction=direction, reason=error.message
        )


def fvd(
    clips: Sequence[Pixels], reference: str | None, i3d: str | None, method: str, ctx: Context
) -> list[Measure]:
    """FVD against reference clips, and what is like it without weights."""
    from dataclasses import replace

    from interleaf.pipeline.collection import Collection
    from interleaf.values import Frames
    from interleaf_media.clips import Clips
    from interleaf_media.config import ClipsConfig, FvdConfig
    from interleaf_media.distributions import Fvd

    if not reference:
        reason = "no reference clips were given"
        return [
            Measure(name=n, group=method, value=None, reason=reason)
            for n in ("fvd", "fvd_like_hof")
        ]
    count = min(16, *(len(c) for c in clips))
    theirs = [c.frames for c in Clips(ClipsConfig(root=reference, sound=False))]
    ours = [Frames(c, theirs[0].fps) for c in clips]

    def one(extractor: str, name: str) -> Measure:
        judge = Fvd(
            FvdConfig(extractor=extractor, file=i3d if extractor == "i3d" else None, frames=count)
        )
        found = judge.evaluate(Collection.of(ours), Collection.of(theirs), ctx)
        return replace(found.measures[0], name=name, group=method)

    return [
        attempted("fvd", method, "down", lambda: one("i3d", "fvd")),
        attempted("fvd_like_hof", method, "down", lambda: one("hof", "fvd_like_hof")),
    ]


def human(folder: str | None, methods: Sequence[str]) -> list[Measure]:
    """The four ranks, from answers that raters saved in ``mask_correspondence``, ``motion``, ``appearance``
    and ``overall`` (each a folder or a ``.json``) of ``folder``."""
    from dataclasses import replace

    from interleaf_media.config import RanksConfig
    from interleaf_media.raters import Ranks

    out = []
    for name, stand_in in RANKED.items():
        place = _answers(folder, name)
        if place is None:
            reason = f"no raters: give answers, or see {stand_in}"
            out += [Measure(name=name, group=m, value=None, reason=reason) for m in methods]
            continue
        report = Ranks(RanksConfig(answers=str(place))).evaluate()
        out += [replace(m, name=name) for m in report.measures if m.name == "mean_rank"]
    return out


def _answers(folder: str | None, name: str) -> Path | None:
    if not folder:
        return None
    for place in (Path(folder) / name, Path(folder) / f"{name}.json"):
        if place.exists():
            return place
    return None
