"""Evaluators of motions: `body.sliding`, `body.jerk`, `body.bones`, `body.limits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Evaluator, Measure, Report
from interleaf.values import Motion
from interleaf_body import judging
from interleaf_body.config import LimitsConfig, SlidingConfig
from interleaf_body.samples import sample_motion
from interleaf_body.skeleton import check

NO_REFERENCE = "there is no reference motion to compare with"


def _pairs() -> list[dict[str, Any]]:
    """A motion beside itself with noise, and alone."""
    motion, rng = sample_motion(40), np.random.default_rng(0)
    noisy = replace(motion, root=motion.root + rng.normal(0, 0.003, motion.root.shape))
    return [
        {"motion": noisy, "reference": motion},
        {"motion": motion},
        {"motion": sample_motion(1)},
    ]


def _ratio(name: str, value: float | None, other: float | None, why: str) -> Measure:
    """The motion's value over the reference's."""
    known = value is not None and other is not None and other > 0
    ratio = value / other if known and value is not None and other else None
    reason = "" if known else why if other is None else "the reference's value is 0 or missing"
    return Measure(name=name, value=ratio, reason=reason, direction="down")


class Sliding(Evaluator):
    """How fast feet move over the floor while they stand on it."""

    Config = SlidingConfig

    def evaluate(self, motion: Motion, reference: Motion | None = None) -> Report:
        """``speed`` of standing toes in m/s, the share of time a foot stands, and the speed's ratio to the
        reference's."""
        c: SlidingConfig = self.config
        found = judging.sliding(check(motion), c.height, c.speed)
        other = judging.sliding(check(reference), c.height, c.speed).speed if reference else None
        settings = {"height": c.height, "speed": c.speed}
        speed = Measure(
            name="foot_sliding", value=found.speed, unit="m/s", direction="down", n=max(found.standing, 1),
            reason="" if found.speed is not None else "no foot ever stands", settings=settings,
        )  # fmt: skip
        count = 2 * (len(motion.root) - 1)
        share = Measure(
            name="standing", value=found.standing / count if count else None, n=max(count, 1),
            reason="" if count else "one frame has no movement", settings=settings,
        )  # fmt: skip
        return Report(
            (speed, share, _ratio("foot_sliding_ratio", found.speed, other, NO_REFERENCE))
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [SlidingConfig()], "calls": {"evaluate": _pairs()}}


class Jerk(Evaluator):
    """How abruptly joints move."""

    def evaluate(self, motion: Motion, reference: Motion | None = None) -> Report:
        """Root mean square of the third derivative of the joints' positions in m/s³: mean and largest
        joint, and the mean's ratio to the reference's."""
        found = judging.jerk(check(motion))
        other = judging.jerk(check(reference)) if reference else None
        reason = "" if found is not None else "a jerk needs 4 frames"
        common: dict[str, Any] = {"unit": "m/s³", "direction": "down", "reason": reason}
        mean = None if found is None else float(found.mean())
        most = None if found is None else float(found.max())
        why = "the reference has fewer than 4 frames" if reference else NO_REFERENCE
        ratio = _ratio("jerk_ratio", mean, None if other is None else float(other.mean()), why)
        return Report((Measure(name="jerk", value=mean, **common),
                       Measure(name="jerk_max", value=most, **common), ratio))  # fmt: skip

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [cls.Config()], "calls": {"evaluate": _pairs()}}


class Bones(Evaluator):
    """Whether the skeleton is a body's: its sides alike, no bone of length 0, as long as the reference's."""

    def evaluate(self, motion: Motion, reference: Motion | None = None) -> Report:
        """Largest relative difference of left and right, bones without length, and the largest relative
        difference to the reference's bones."""
        lengths = judging.limbs(check(motion))
        sides = judging.asymmetry(lengths)
        known = {k: v for k, v in lengths.items() if v > 1e-6}
        other = judging.limbs(check(reference)) if reference else {}
        shared = [abs(known[k] - other[k]) / other[k] for k in known if other.get(k, 0) > 1e-6]
        why = "no bone is in both" if reference else NO_REFERENCE
        measures = (
            Measure(name="bone_asymmetry", value=max(sides.values(), default=None), direction="down",
                    reason="" if sides else "no bone has two sides", n=max(len(sides), 1)),
            Measure(name="bones_without_length", value=float(len(lengths) - len(known)),
                    direction="down", n=max(len(lengths), 1)),
            Measure(name="bone_difference", value=max(shared, default=None), direction="down",
                    reason="" if shared else why, n=max(len(shared), 1)),
        )  # fmt: skip
        return Report(measures)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [cls.Config()], "calls": {"evaluate": _pairs()}}


class Limits(Evaluator):
    """Joints that bend further than people's do."""

    Config = LimitsConfig

    def evaluate(self, motion: Motion) -> Report:
        """The share of frames in which some joint is beyond its range, the largest excess in degrees, and the
        share for each joint."""
        found = judging.excess(check(motion), self.config.slack)
        if not found:
            raise InvalidInput(
                "no joint can be judged", hint="a skeleton with knees, elbows or a neck"
            )
        settings = {"slack": self.config.slack}
        each = {name: float((degrees > 0).mean()) for name, degrees in found.items()}
        every = np.stack(list(found.values()))
        n = every.shape[1]
        share, most = float((every > 0).any(0).mean()), float(every.max())
        measures = [
            Measure(name="beyond_limits", value=share, direction="down", n=n, settings=settings),
            Measure(
                name="largest_excess",
                value=most,
                unit="°",
                direction="down",
                n=n,
                settings=settings,
            ),
        ]
        measures += [
            Measure(
                name="beyond_limits", value=v, direction="down", n=n, group=k, settings=settings
            )
            for k, v in each.items()
        ]
        return Report(tuple(measures))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        calls = [{"motion": sample_motion(20)}, {"motion": sample_motion(1)}]
        return {"configs": [LimitsConfig()], "calls": {"evaluate": calls}}
