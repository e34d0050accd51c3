"""Evaluators: does motion obey, is it like real motion, does a click find its thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Measure, ModelHandle, Report
from interleaf.values import Image, Item, Table
from interleaf_followclick.canonical import Mask
from interleaf_followclick.components import FlowWarp, Segment, example_picture
from interleaf_followclick.config import FlowWarpConfig, RealismConfig, ReportConfig, SegmentConfig
from interleaf_followclick.drawing import Gaussian, Learned, Retrieval, Rigid
from interleaf_followclick.evaluating import scores
from interleaf_followclick.evaluating.obedience import FRAMES, TINY, Animator, obedience
from interleaf_followclick.evaluating.realism import Judged, blocks_of, judge
from interleaf_followclick.evaluating.scenes import overlap, scenes
from interleaf_followclick.fields import statistics
from interleaf_followclick.flowwarp import Draw
from interleaf_followclick.learning import example_windows
from interleaf_followclick.reading import mask_image, photo_of
from interleaf_followclick.rendering import Pixels
from interleaf_followclick.windows import Window

BASELINE = "gaussian + smooth"


class ObedienceReport(Evaluator):
    """Dose, direction, swaps, containment and stability of any model that animates, on composites."""

    Config = ReportConfig

    def evaluate(
        self, model: ModelHandle | Any, pictures: Dataset, ctx: Context | None = None
    ) -> Report:
        """A report over ``scenes`` composites of the pictures."""
        c, ctx = self.config, ctx or Context()
        photos = [photo_of(p) for p in pictures]
        if not photos:
            raise InvalidInput("there are no pictures to make scenes of")
        live = model.load(ctx) if isinstance(model, ModelHandle) else model
        made = scenes(photos, c.scenes, c.side, ctx.seed % 2**63)
        found = obedience(
            made, animator(live, c, ctx), lambda done: ctx.monitor.progress(done, c.scenes)
        )
        rows: list[tuple[str, list[float], str, str]] = [
            ("stability", found.stability, "down", "squared grey levels"),
            ("i1_mse", found.first, "down", "squared grey levels"),
            ("dose", found.dose, "up", ""), ("direction_4", found.four, "up", ""),
            ("direction_8", found.eight, "up", ""), ("phrase_swap", found.phrase_swap, "up", ""),
            ("mask_swap", found.mask_swap, "up", ""), ("containment", found.containment, "up", ""),
        ]  # fmt: skip
        measures = [_mean(n, v, d, u) for n, v, d, u in rows]
        measures.append(Measure(name="dose_slope", value=found.slope, n=len(found.asked)))
        return Report((*measures, _clicked(photos, c.scenes, c.side, ctx.seed % 2**63)))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection

        model = FlowWarp(FlowWarpConfig(motion="rigid"))
        call = {"model": model, "pictures": Collection.of([example_picture()])}
        return {"configs": [ReportConfig(scenes=1, side=TINY)], "calls": {"evaluate": [call]}}


def animator(model: Any, config: ReportConfig, ctx: Context) -> Animator:
    """A model's ``generate`` as the checks call it."""
    extra: dict[str, Any] = {}
    if not isinstance(model, FlowWarp):
        extra = {"steps": config.steps, "guidance": config.guidance, "lock": config.lock}

    def animate(photo: Pixels, mask: Mask, say: str, strength: float) -> Pixels:
        made = model.generate(
            image=Image(photo), masks=[Item(mask_image(mask), "mask")], say=(say,),
            strength=(strength,), frames=FRAMES, ctx=Context(seed=ctx.seed, device=ctx.device), **extra,
        )  # fmt: skip
        return np.asarray(made.pixels)

    return animate


def _clicked(photos: Sequence[Pixels], count: int, side: int, seed: int) -> Measure:
    segment, found = Segment(SegmentConfig()), []
    for scene in scenes(photos, count, side, seed):
        for mask, click in zip(scene.masks, scene.clicks, strict=True):
            try:
                found.append(overlap(segment.segment(scene.photo, [click])[0][0], mask))
            except InvalidInput:
                found.append(0.0)
    return _mean("click_iou", found, "up", "")


def _mean(name: str, values: Sequence[float], direction: Any, unit: str) -> Measure:
    rng, array = np.random.default_rng(0), np.array(values)
    again = array[rng.integers(0, len(array), (1000, len(array)))].mean(1)
    low, high = np.percentile(again, [2.5, 97.5])
    return Measure(
        name=name, value=float(array.mean()), direction=direction, unit=unit, n=len(array),
        interval=(float(low), float(high)),
    )  # fmt: skip


class Realism(Evaluator):
    """Proper scores, Fréchet distance and a two-sample test against motion of clips never trained on."""

    Config = RealismConfig

    def evaluate(
        self, model: ModelHandle | Any, seen: Dataset, fresh: Dataset, ctx: Context | None = None
    ) -> Report:
        """The model's draws beside rigid, white, Gaussian, retrieval and rendered truth.

        ``seen``: windows it was trained on, to which the baselines are fitted; ``fresh``: others.
        """
        c, ctx = self.config, ctx or Context()
        known, windows = list(seen), spread_out(list(fresh), c.windows)
        if len(known) < 8 or len(windows) < 2:
            raise InvalidInput(
                f"{len(known)} seen and {len(windows)} fresh windows", hint="at least 8 and 2"
            )
        live = model.load(ctx) if isinstance(model, ModelHandle) else model
        if not isinstance(live, FlowWarp):
            raise InvalidInput("realism is judged for followclick.flowwarp alone")
        found = judge(
            windows, generators(live, known), c.draws, ctx.seed % 2**63,
            lambda done, total: ctx.monitor.progress(done, total), c.side,
        )  # fmt: skip
        rows = list(_judgements(found, windows))
        return Report(tuple(_measures(rows, len(windows))), (_table(rows, windows),))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection

        windows = example_windows(9)
        call = {
            "model": FlowWarp(FlowWarpConfig(motion="learned", steps=1)),
            "seen": Collection.of(windows), "fresh": Collection.of(windows[:2]),
        }  # fmt: skip
        return {
            "configs": [RealismConfig(windows=2, draws=2, side=96)],
            "calls": {"evaluate": [call]},
        }


def generators(model: FlowWarp, known: Sequence[Window]) -> dict[str, Draw]:
    """The model's draws at full flex, those of its default setting, and what they are compared with."""
    fitted = statistics([w.field for w in known], [w.mask for w in known])
    c, motion = model.config, model.motion.eval()
    return {
        "rigid": Rigid(),
        "rigid + white": Gaussian(fitted, 0, white=True),
        "gaussian": Gaussian(fitted, 0),
        BASELINE: Gaussian(fitted),
        "retrieval": Retrieval(known),
        "learned, not smoothed": Learned(motion, c.steps, 0),
        "learned": Learned(motion, c.steps, c.smooth),
        f"gaussian, flex {c.flex:g}": Gaussian(fitted, c.smooth, c.flex),
        f"learned, flex {c.flex:g}": Learned(motion, c.steps, c.smooth, c.flex),
    }


def spread_out(windows: Sequence[Window], most: int) -> list[Window]:
    """At most ``most`` windows of each clip, evenly over it."""
    out = []
    for name in dict.fromkeys(w.name for w in windows):
        of = [w for w in windows if w.name == name]
        out += [of[i] for i in np.linspace(0, len(of) - 1, min(most, len(of))).round().astype(int)]
    return out


def _judgements(
    found: Mapping[str, Judged], windows: Sequence[Window]
) -> Iterator[tuple[str, dict[str, Any]]]:
    real = np.stack([scores.features(w.field, w.mask, w.speed) for w in windows])
    clips, blocks = [w.name for w in windows], blocks_of(windows)
    base = found[BASELINE]
    for name, j in found.items():
        seen = np.stack(j.seen)
        row: dict[str, Any] = {
            "frechet": scores.frechet(seen, real), "told_apart": scores.told_apart(real, seen, clips),
            "folded": float(np.mean(j.folds)),
        }  # fmt: skip
        if j.energy:
            row |= {"energy": float(np.mean(j.energy)), "variogram": float(np.mean(j.variogram))}
            for part, ours, theirs in (
                ("energy", j.energy, base.energy), ("variogram", j.variogram, base.variogram),
            ):  # fmt: skip
                row[f"{part}_ratio"] = scores.ratio_interval(
                    np.array(ours), np.array(theirs), blocks
                )
        yield name, row


def _measures(rows: Sequence[tuple[str, dict[str, Any]]], count: int) -> Iterator[Measure]:
    for name, row in rows:
        for part, value in row.items():
            interval = value[1] if isinstance(value, tuple) else None
            yield Measure(
                name=part, group=name, direction="none" if part == "told_apart" else "down",
                value=value[0] if isinstance(value, tuple) else value, interval=interval, n=count,
            )  # fmt: skip


def _table(found: Sequence[tuple[str, dict[str, Any]]], windows: Sequence[Window]) -> Table:
    def shown(value: Any) -> str:
        if isinstance(value, tuple):
            return f"{value[0]:.3f} [{value[1][0]:.2f}, {value[1][1]:.2f}]"
        return f"{value:.3f}"

    rows = [{"generator": name, **{k: shown(v) for k, v in row.items()}} for name, row in found]
    clips = ", ".join(dict.fromkeys(w.name for w in windows))
    return Table.from_rows(rows, f"{len(windows)} windows of {clips}; ratios over {BASELINE}")
