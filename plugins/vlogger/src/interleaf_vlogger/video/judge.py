"""`vlogger.renderers`: which renderer draws people best that nothing was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Measure, ModelHandle, Report
from interleaf.values import Table
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.portrayed import Portrayed
from interleaf_vlogger.video.components import Video
from interleaf_vlogger.video_config import RenderersConfig

Floats = np.ndarray[Any, Any]


class Renderers(Evaluator):
    """PSNR on held-out people of the photo itself, the compositor and a trained model; seams; who wins."""

    Config = RenderersConfig

    def evaluate(self, model: Any, data: Dataset, ctx: Context | None = None) -> Report:
        """``model``: a ``vlogger.video``, trained on others than ``data`` holds."""
        ctx, c = ctx or Context(), self.config
        live = model.load(ctx) if isinstance(model, ModelHandle) else model
        if not isinstance(live, Video):
            raise InvalidInput("the model is no vlogger.video", hint="vlogger.video, fitted")
        people = [p for p in data if isinstance(p, Portrayed)][: c.limit or None]
        overlap = live.config.overlap if c.overlap < 0 else c.overlap
        rows: list[dict[str, Any]] = []
        seams: list[tuple[float, bool]] = []
        for number, person in enumerate(people, 1):
            made = live.draw(person.controls.astype(np.float32), c.steps, ctx, overlap)
            known = Compositor(person.photo, person.person)
            ours = np.stack([known.frame(v) for v in person.vertices])
            still = np.broadcast_to(person.photo, ours.shape)
            pairs = (("copy", still), ("compositor", ours), ("video", made))
            rows.append(
                {"identity": person.identity, **{n: psnr(f, person.frames) for n, f in pairs}}
            )
            seams += _seams(made, live.config.frames, overlap)
            ctx.monitor.progress(number, len(people))
        return _report(rows, seams)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf_vlogger.portrayed import Portraits
        from interleaf_vlogger.video_config import PortraitsConfig, VideoConfig

        live = Video(VideoConfig(widths=(8, 16), side=16, frames=2))
        live.initialise(0)
        people = PortraitsConfig(part="held", people=2, frames=3, side=24, body="capsule")
        data = Collection.of(list(Portraits(people)))
        return {
            "configs": [RenderersConfig(steps=1)],
            "calls": {"evaluate": [{"model": live, "data": data}]},
        }


def psnr(made: Floats, true: Floats) -> float:
    """Decibels over all pixels of clips uint8."""
    error = float(np.mean((made.astype(np.float64) - true) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def _seams(made: Floats, frames: int, overlap: float) -> list[tuple[float, bool]]:
    """Each change between frames [T, H, W, 3], and whether it lies where two blocks meet."""
    change = np.abs(np.diff(made.astype(float), axis=0)).mean((1, 2, 3))
    kept = min(round(overlap * frames), frames - 1)
    step = frames - kept
    meets = {frames + k * step - 1 for k in range(len(made))}
    return [(float(v), t in meets) for t, v in enumerate(change)]


def _report(rows: list[dict[str, Any]], seams: Iterable[tuple[float, bool]]) -> Report:
    names = ("copy", "compositor", "video")
    why = "" if rows else "nobody to draw"

    def measure(name: str, value: float | None, direction: Any = "up", unit: str = "dB") -> Measure:
        return Measure(
            name=name, value=value, unit=unit, reason=why, direction=direction, n=len(rows)
        )

    def mean(name: str) -> float | None:
        return float(np.mean([r[name] for r in rows])) if rows else None

    gains = [float(r["video"] - r["compositor"]) for r in rows]
    measures = [measure(f"{n}_psnr", mean(n), "up" if n == "video" else "none") for n in names]
    measures.append(measure("over_compositor", float(np.mean(gains)) if rows else None))
    measures.append(measure("worst_person", float(np.min(gains)) if rows else None))
    measures.append(measure("video_wins", float(np.mean(gains) > 0) if rows else None, "up", ""))
    at, within = ([v for v, s in seams if s == here] for here in (True, False))
    usual = float(np.median(within)) if within else 0.0
    if usual > 0 and at:
        measures.append(measure("seams", float(np.mean(at)) / usual, "down", ""))
    else:
        told = "no two blocks meet, or nothing moves"
        measures.append(Measure(name="seams", value=None, reason=told, direction="down"))
    return Report(tuple(measures), (Table.from_rows(rows),) if rows else ())
