"""`vlogger.renderers`: which renderer draws people best that nothing was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Measure, ModelHandle, Report
from interleaf.values import Table
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.portrayed import Portrayed
from interleaf_vlogger.video_config import RenderersConfig

Floats = np.ndarray[Any, Any]
REGIONS = ("full", "visible body", "body holes", "all holes")


class Renderers(Evaluator):
    """PSNR on held-out people of the photo itself, the compositor and trained models, in all of a frame,
    where the photo shows what is there and where it does not; seams of a video; who wins."""

    Config = RenderersConfig

    def evaluate(
        self, model: Any = None, data: Dataset | tuple[()] = (), refined: Any = None,
        ctx: Context | None = None,
    ) -> Report:  # fmt: skip
        """``model``: a ``vlogger.video``, ``refined``: a ``vlogger.refiner``, trained on others."""
        ctx, c = ctx or Context(), self.config
        video, over = (m.load(ctx) if isinstance(m, ModelHandle) else m for m in (model, refined))
        if video is not None and not hasattr(video, "draw"):
            raise InvalidInput("the model is no vlogger.video", hint="vlogger.video, fitted")
        if over is not None and not hasattr(over, "over"):
            raise InvalidInput(
                "the refined one is no vlogger.refiner", hint="vlogger.refiner, fitted"
            )
        people = [p for p in data if isinstance(p, Portrayed)][: c.limit or None]
        overlap = 0.0 if video is None else video.config.overlap if c.overlap < 0 else c.overlap
        people_drawn: list[Shown] = []
        seams: list[tuple[float, bool]] = []
        for number, person in enumerate(people, 1):
            ours, regions = _composed(person)
            clips = _clips(person, ours, over)
            if video is not None:
                made = video.draw(person.controls.astype(np.float32), c.steps, ctx, overlap)
                clips["video"] = made
                seams += _seams(made, video.config.frames, overlap)
            people_drawn.append(_shown(person, regions, clips))
            ctx.monitor.progress(number, len(people))
        return _report(people_drawn, seams, video is not None, over is not None)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf_vlogger.portrayed import Portraits
        from interleaf_vlogger.refining.components import Refiner
        from interleaf_vlogger.video.components import Video
        from interleaf_vlogger.video_config import PortraitsConfig, RefinerConfig, VideoConfig

        live = Video(VideoConfig(widths=(8, 16), side=16, frames=2))
        over = Refiner(RefinerConfig(widths=(8, 16), side=16))
        for model in (live, over):
            model.initialise(0)
        people = PortraitsConfig(part="held", people=2, frames=3, side=24, body="capsule")
        data = Collection.of(list(Portraits(people)))
        return {
            "configs": [RenderersConfig(steps=1)],
            "calls": {"evaluate": [{"model": live, "refined": over, "data": data}, {"data": data}]},
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one person the decibels of every renderer in every region that there is."""

    identity: str
    values: dict[str, dict[str, float]]

    def gain(self, name: str, region: str) -> float | None:
        """Of a renderer over the compositor; None for a region that the person does not have."""
        if region not in self.values[name]:
            return None
        return self.values[name][region] - self.values["compositor"][region]


def _composed(person: Portrayed) -> tuple[Floats, dict[str, Floats]]:
    """The compositor's frames [T, H, W, 3], and where the regions that there are lie, each [T, H, W]."""
    known, frames, masks = Compositor(person.photo, person.person), [], []
    for vertices in person.vertices:
        drawn = known.drawn(vertices)
        body = drawn.part > 0
        uncovered = ~body & (known.part > 0)
        frames.append(drawn.frame)
        masks.append(
            (np.ones_like(body), body & ~drawn.hides, drawn.hides, drawn.hides | uncovered)
        )
    regions = zip(REGIONS, np.stack(masks, 1), strict=True)
    return np.stack(frames), {name: mask for name, mask in regions if mask.any()}


def _clips(person: Portrayed, ours: Floats, refiner: Any) -> dict[str, Floats]:
    """Frames [T, H, W, 3] of what needs no video model, by renderer."""
    found = {"copy": np.broadcast_to(person.photo, ours.shape), "compositor": ours}
    if refiner is not None:
        for name, where in (("refined", "all"), ("refined_holes", "holes")):
            drawer = refiner.over(person.photo, person.person, where)
            found[name] = np.stack([drawer.frame(v) for v in person.vertices])
    return found


def _shown(person: Portrayed, regions: dict[str, Floats], clips: dict[str, Floats]) -> Shown:
    values = {
        name: {region: psnr(made[at], person.frames[at]) for region, at in regions.items()}
        for name, made in clips.items()
    }
    return Shown(person.identity, values)


def psnr(made: Floats, true: Floats) -> float:
    """Decibels over all given pixels uint8."""
    error = float(np.mean((made.astype(np.float64) - true) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def _seams(made: Floats, frames: int, overlap: float) -> list[tuple[float, bool]]:
    """Each change between frames [T, H, W, 3], and whether it lies where two blocks meet."""
    change = np.abs(np.diff(made.astype(float), axis=0)).mean((1, 2, 3))
    kept = min(round(overlap * frames), frames - 1)
    step = frames - kept
    meets = {frames + k * step - 1 for k in range(len(made))}
    return [(float(v), t in meets) for t, v in enumerate(change)]


def _mean(values: Iterable[float | None]) -> float | None:
    found = [v for v in values if v is not None]
    return float(np.mean(found)) if found else None


def _report(
    people: list[Shown], seams: list[tuple[float, bool]], video: bool, refined: bool
) -> Report:
    nobody = "" if people else "nobody to draw"
    lacks = {"video": nobody or ("" if video else "no vlogger.video was given"),
             "refined": nobody or ("" if refined else "no vlogger.refiner was given")}  # fmt: skip

    def measure(
        name: str,
        value: float | None,
        why: str,
        direction: Any = "up",
        unit: str = "dB",
        group: str = "",
    ) -> Measure:
        told = "" if value is not None else why or "there is no such region"
        return Measure(
            name=name,
            value=value,
            unit=unit,
            reason=told,
            direction=direction,
            n=len(people),
            group=group,
        )

    def psnr_of(name: str) -> float | None:
        return None if lacks.get(name, nobody) else _mean(p.values[name]["full"] for p in people)

    def gains(name: str, region: str) -> list[float]:
        if lacks[name]:
            return []
        return [g for p in people if (g := p.gain(name, region)) is not None]

    measures = [
        measure(f"{n}_psnr", psnr_of(n), lacks.get(n, nobody), "up" if n in lacks else "none")
        for n in ("copy", "compositor", "refined", "video")
    ]
    over = gains("video", "full")
    least = min(over) if over else None
    measures.append(measure("over_compositor", _mean(over), lacks["video"]))
    measures.append(measure("worst_person", least, lacks["video"]))
    wins = float(np.mean(over) > 0) if over else None
    measures.append(measure("video_wins", wins, lacks["video"], "up", ""))
    for region in REGIONS:
        more = _mean(gains("refined", region))
        measures.append(measure("refined_gain", more, lacks["refined"], group=region))
    held = gains("refined", "all holes")
    measures.append(measure("refined_worst_holes", min(held) if held else None, lacks["refined"]))
    measures.append(_seam_measure(seams))
    return Report(tuple(measures), _tables(people))


def _tables(people: list[Shown]) -> tuple[Table, ...]:
    """Renderers by region, and what each loses or gains at worst in holes; then everybody's whole frames."""
    if not people:
        return ()
    names, rows = list(people[0].values), []
    for name in names:
        row: dict[str, Any] = {"renderer": name}
        row |= {r: _mean(p.values[name].get(r) for p in people) for r in REGIONS}
        held = [g for p in people if (g := p.gain(name, "all holes")) is not None]
        rows.append({**row, "worst identity in holes": min(held) if held else None})
    each = [{"identity": p.identity, **{n: p.values[n]["full"] for n in names}} for p in people]
    return Table.from_rows(rows), Table.from_rows(each)


def _seam_measure(seams: Sequence[tuple[float, bool]]) -> Measure:
    at, within = ([v for v, s in seams if s == here] for here in (True, False))
    usual = float(np.median(within)) if within else 0.0
    if usual > 0 and at:
        return Measure(name="seams", value=float(np.mean(at)) / usual, direction="down")
    told = "no two blocks meet, or nothing moves"
    return Measure(name="seams", value=None, reason=told, direction="down")
