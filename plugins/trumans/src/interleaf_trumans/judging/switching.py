"""`trumans.switching`: how long after a command a body does what it was told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Evaluator, Measure, ModelHandle, Report
from interleaf_body.skeleton import world
from interleaf_trumans.config import SwitchingConfig
from interleaf_trumans.judging.actions import BACK, Classifier, balanced, features, fitted, rows_of
from interleaf_trumans.refusing import refused
from interleaf_trumans.scenes.rooms import boxed
from interleaf_trumans.scenes.scene import Scene, scene_of
from interleaf_trumans.walking.cleaning import whole
from interleaf_trumans.walking.clips import FPS, Clip, read_clips
from interleaf_trumans.walking.gait import made_clips
from interleaf_trumans.walking.session import Session

FEW = 3  # frames in a row that must be told to be the action


class Switching(Evaluator):
    """Commands in sessions, and when a classifier of real clips agrees."""

    Config = SwitchingConfig

    def evaluate(self, walker: ModelHandle, ctx: Context | None = None) -> Report:
        """Mean and 95th percentile of seconds from command to agreement, the share of commands that come to
        it, and how well the classifier tells real clips of actors that it was not trained on."""
        c: SwitchingConfig = self.config
        live = walker.load(ctx or Context())
        if not hasattr(live, "walker"):
            raise InvalidInput(
                f"{walker.component} is no walker", hint="trumans.matching or trumans.motion"
            )
        with refused():
            clips = (
                whole(read_clips(Path(c.motion), source=c.source))[0] if c.motion else made_clips()
            )
            names = self._names(clips, live.walker.actions)
            known = [k for k in clips if k.actor not in c.held]
            classifier = fitted(*rows_of(known, names), names)
            waits = switches(live.walker, classifier, c.commands, c.seed)
        rows, labels = rows_of([k for k in clips if k.actor in c.held], names)
        right = balanced(classifier.told(rows), labels, len(names)) if len(rows) else None
        agreed = [w for w in waits if w is not None]
        settings = {"actions": ", ".join(names), "held": ", ".join(c.held) or "none"}
        none = "" if agreed else "no command came to agreement"
        unseen = "" if right is not None else "no clip of an actor that the classifier has not seen"

        def measure(
            name: str, value: float | None, n: int, unit: str = "s", up: bool = False
        ) -> Measure:
            reason = "" if value is not None else unseen if name == "action_accuracy" else none
            return Measure(name=name, value=value, unit=unit, direction="up" if up else "down", n=max(n, 1),
                           reason=reason, settings=settings)  # fmt: skip

        return Report((
            measure("switch_latency", float(np.mean(agreed)) if agreed else None, len(agreed)),
            measure("switch_p95", float(np.percentile(agreed, 95)) if agreed else None, len(agreed)),
            measure("switch_agreed", len(agreed) / len(waits), len(waits), "", up=True),
            measure("action_accuracy", right, len(rows), "", up=True),
        ))  # fmt: skip

    def _names(self, clips: list[Clip], can: tuple[str, ...]) -> tuple[str, ...]:
        """The actions: those of the walker that the classifier can be trained on."""
        c: SwitchingConfig = self.config
        there = {k.action for k in clips if k.actor not in c.held}
        wanted = c.actions or tuple(sorted(there & set(can)))
        missing = [a for a in wanted if a not in there or a not in can]
        if missing or len(wanted) < 2:
            told = ", ".join(missing) or "two actions"
            raise InvalidInput(
                f"switching among {', '.join(wanted) or 'nothing'}: no clips of {told}",
                hint=f"there are {', '.join(sorted(there & set(can)))}",
            )
        return tuple(wanted)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        handle = ModelHandle("trumans.matching", {}, None, "by rule")
        config = SwitchingConfig(commands=2, held=())
        return {"configs": [config], "calls": {"evaluate": [{"walker": handle}]}}


def switches(walker: Any, classifier: Classifier, commands: int, seed: int) -> list[float | None]:
    """Seconds from each command to agreement, on an open floor; None where there is none before the next
    command, 1.5 to 2.5 s later. No action is asked for twice in a row."""
    rng = np.random.default_rng([seed, 5])
    session = Session(floor(), walker, start=(0.0, 0.0), yaw=0.0, seed=seed)
    told: list[tuple[int, int]] = []
    now = -1
    for _ in range(commands + 1):
        now = int(rng.choice([k for k in range(len(classifier.names)) if k != now]))
        name = classifier.names[now]
        session.set(action=name, goal=_ahead(session) if walker.travels(name) else None)
        told.append((session.frame, now))
        session.step(int(rng.integers(45, 76)))
    motion = session.motion
    found = classifier.told(features(world(motion)[1], motion.rotations))
    ends = [f for f, _ in told[1:]] + [len(motion.root)]
    # the first command is from standing, which no clip is an example of: it is not counted
    return [_wait(found, f, end, k) for (f, k), end in zip(told[1:], ends[1:], strict=True)]


def _wait(found: np.ndarray[Any, Any], first: int, last: int, wanted: int) -> float | None:
    good = found[max(first - BACK, 0) : last - BACK] == wanted
    runs = np.convolve(good, np.ones(FEW), "valid") == FEW
    return float(np.argmax(runs) + FEW) / FPS if runs.any() else None


def _ahead(session: Session) -> Any:
    """A goal four metres ahead, where there is room: turning on the spot is not what is timed."""
    yaw = session.state.yaw
    goal = session.place + 4.0 * np.array([np.sin(yaw), np.cos(yaw)])
    return goal if session.ground.stands(goal) else "anywhere"


def floor() -> Scene:
    """Twelve metres a side, with nothing on it."""
    return scene_of(boxed([], 12.0, 12.0), name="floor", voxel=0.1)[0]
