"""`trumans.judge`: walks in scenes, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interleaf.interfaces import Dataset, Evaluator, Measure, Report, Verdict
from interleaf.values import Motion
from interleaf_body.roles import ROLES, roles_of
from interleaf_body.skeleton import check, world
from interleaf_trumans.config import JudgeConfig
from interleaf_trumans.judging import measures
from interleaf_trumans.judging.walk import Walk
from interleaf_trumans.scenes.surface import Array

NO_REAL = "no real motion to compare with"


def places(motion: Motion) -> Array:
    """The joints [T, 22, 3] of a motion in the order of the roles; a role its skeleton lacks is at its
    parent."""
    found, heads = roles_of(check(motion)), world(motion)[1]
    out = np.empty((len(heads), len(ROLES), 3))
    for j, role in enumerate(ROLES):
        at = found.get(role)
        out[:, j] = heads[:, at] if at is not None else out[:, max(j - 1, 0)] if j else heads[:, 0]
    return out


@dataclass(frozen=True, slots=True)
class Judged:
    """One walk: whether it counts as a success and why not, and what was measured until it arrived."""

    reached: bool
    sound: bool
    deep: Array
    joints: Array
    fps: float
    seam: float | None
    speed: float
    leap: float
    off: float


class Judge(Evaluator):
    """Walks in scenes."""

    Config = JudgeConfig

    def evaluate(self, walks: Dataset, scenes: Dataset, real: Dataset | None = None) -> Report:
        """Goals, penetration, sliding, seams and speeds over all walks; ``real``: motions to compare with."""
        distances = {s.name: (s.distances(), s.things) for s in scenes}
        found = [self._judged(w, distances) for w in walks if w.scene in distances]
        unknown = sum(w.scene not in distances for w in walks)
        if not found:
            return Report(
                _absent("no walk in a known scene"),
                verdict=Verdict("insufficient", ("no walk was given",)),
            )
        reference = _sliding([(places(m), m.fps) for m in real]) if real is not None else None
        told = self._measures(found, reference)
        return Report(told, verdict=self._verdict(told, found, unknown))

    def _judged(self, walk: Walk, distances: Mapping[str, Any]) -> Judged:
        c: JudgeConfig = self.config
        joints, fps = places(walk.motion), float(walk.motion.fps)
        at = measures.arrival(joints, walk.goal, c.within)
        way = joints if at is None else joints[: max(at + 1, 3)]
        speeds = measures.root_speed(way, fps) if len(way) > 1 else np.zeros(1)
        leap, mean = measures.joint_speed(joints, fps), float(speeds.mean())
        off = float(np.linalg.norm(joints[-1, 0][[0, 2]] - walk.goal))
        sound = c.slow <= mean <= c.fast and leap <= c.leap and bool(np.isfinite(joints).all())
        return Judged(
            at is not None, sound, measures.depths(way, *distances[walk.scene]), way, fps,
            measures.seam_ratio(joints, walk.seams, fps), mean, leap, off,
        )  # fmt: skip

    def _measures(
        self, found: Sequence[Judged], reference: measures.Sliding | None
    ) -> tuple[Measure, ...]:
        c, n = self.config, len(found)
        deep = np.concatenate([f.deep for f in found])
        slide = _sliding([(f.joints, f.fps) for f in found])
        seams = [f.seam for f in found if f.seam is not None]
        ratio = None
        if reference and reference.speed and slide.speed is not None:
            ratio = slide.speed / reference.speed
        why = NO_REAL if reference is None else "no foot touches the floor while walking"
        apart = None
        if reference and reference.contact is not None and slide.contact is not None:
            apart = abs(slide.contact - reference.contact)
        good = sum(f.reached and f.sound for f in found) / n
        frames, settings = len(deep), {"within": c.within, "deep": c.deep}
        return (
            Measure(name="goal_success", value=good, direction="up", n=n, settings=settings),
            Measure(
                name="goal_error",
                value=float(np.mean([f.off for f in found])),
                unit="m",
                direction="down",
                n=n,
            ),
            Measure(
                name="penetration",
                value=float((deep > c.deep).mean()),
                direction="down",
                n=frames,
                settings=settings,
            ),
            Measure(name="deepest", value=float(deep.max()), unit="m", direction="down", n=frames),
            Measure(
                name="sliding",
                value=slide.speed,
                unit="cm/s",
                direction="down",
                n=max(slide.n, 1),
                reason="" if slide.speed is not None else "no foot touches the floor while walking",
            ),
            Measure(
                name="sliding_ratio",
                value=ratio,
                direction="down",
                reason="" if ratio is not None else why,
            ),
            Measure(
                name="contact",
                value=slide.contact,
                n=max(slide.n, 1),
                reason="" if slide.contact is not None else "nobody walks",
            ),
            Measure(
                name="contact_apart",
                value=apart,
                direction="down",
                reason="" if apart is not None else why,
            ),
            Measure(
                name="seam_ratio",
                value=float(np.mean(seams)) if seams else None,
                direction="down",
                n=max(len(seams), 1),
                reason="" if seams else "no seams were told",
            ),
            Measure(name="speed", value=float(np.mean([f.speed for f in found])), unit="m/s", n=n),
            Measure(name="fastest_joint", value=max(f.leap for f in found), unit="m/s", n=n),
            Measure(
                name="bone_drift",
                value=max(measures.bone_drift(f.joints) for f in found),
                unit="m",
                direction="down",
                n=n,
            ),
        )

    def _verdict(self, told: Sequence[Measure], found: Sequence[Judged], unknown: int) -> Verdict:
        by = {m.name: m.value for m in told}
        reasons = []
        frozen = sum(f.speed < self.config.slow for f in found)
        leaps = sum(f.leap > self.config.leap for f in found)
        if frozen:
            reasons.append(f"{frozen} of {len(found)} bodies hardly move on their way")
        if leaps:
            reasons.append(
                f"{leaps} of {len(found)} bodies leap: a joint faster than {self.config.leap:g} m/s"
            )
        limits = (("goal_success", 0.95, 1), ("penetration", 0.01, -1), ("sliding_ratio", 1.3, -1),
                  ("contact_apart", 0.10, -1), ("seam_ratio", 1.1, -1))  # fmt: skip
        absent = [name for name, _, _ in limits if by[name] is None]
        for name, limit, sign in limits:
            value = by[name]
            if value is not None and (value - limit) * sign < 0:
                reasons.append(f"{name} {value:.3g}, asked {limit:g}")
        if reasons:
            return Verdict("fail", tuple(reasons))
        if absent or unknown or len(found) < 100:
            few = [f"{len(found)} walks, 100 are asked"] if len(found) < 100 else []
            lost = [f"{unknown} walks in unknown scenes"] if unknown else []
            return Verdict("insufficient", (*few, *lost, *(f"no {name}" for name in absent)))
        return Verdict("pass", ("all limits hold together",))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf_trumans.examples import example_scene, example_walk

        scenes = Collection.of([example_scene()])
        walks = Collection.of([example_walk(1.2), example_walk(0.9)])
        call = {"walks": walks, "scenes": scenes, "real": Collection.of([example_walk(1.2).motion])}
        return {
            "configs": [JudgeConfig()],
            "calls": {"evaluate": [call, {"walks": walks, "scenes": scenes}]},
        }


def _sliding(motions: Sequence[tuple[Array, float]]) -> measures.Sliding:
    """Over several motions, each weighed by its frames."""
    found = [measures.sliding(j, fps) for j, fps in motions]
    n = sum(f.n for f in found)
    touching = [(f.speed, f.contact * f.n) for f in found if f.speed is not None and f.contact]
    total = sum(w for _, w in touching)
    speed = sum(s * w for s, w in touching) / total if total else None
    return measures.Sliding(speed, sum((f.contact or 0) * f.n for f in found) / n if n else None, n)


def _absent(reason: str) -> tuple[Measure, ...]:
    names = ("goal_success", "goal_error", "penetration", "deepest", "sliding", "sliding_ratio", "contact",
             "contact_apart", "seam_ratio", "speed", "fastest_joint", "bone_drift")  # fmt: skip
    return tuple(Measure(name=name, value=None, reason=reason) for name in names)
