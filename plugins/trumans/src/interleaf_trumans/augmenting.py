"""`trumans.augment`: more motions from one, with objects of other sizes and places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Model
from interleaf.values import Motion, Table
from interleaf_trumans.components import motion_of
from interleaf_trumans.config import AugmentConfig, Place
from interleaf_trumans.walking.clips import JOINTS, canonical
from interleaf_trumans.walking.contacts import Solid, errors, resolved, touches


class Augment(Model):
    """Keeps the contacts of a motion with an object that changes."""

    Config = AugmentConfig

    def apply(self, motion: Motion) -> Mapping[str, Any]:
        """``motion`` with its contacts solved anew, and a table of them: joint, first and last frame, and
        how far it is from where it shall be at the worst, metres. A motion of another skeleton is put on
        ours first."""
        before, after = self._solids()
        if motion.joints != JOINTS:
            motion = motion_of(canonical(motion))
        found = touches(motion, before, after, self.config.near)
        made = resolved(motion, found)
        columns: dict[str, list[Any]] = {
            "joint": [t.joint for t in found],
            "first": [t.first for t in found],
            "last": [t.last for t in found],
            "error": errors(made, found),
        }
        return {"motion": made, "contacts": Table(columns, "what touches the object")}

    def _solids(self) -> tuple[Solid, Solid]:
        c: AugmentConfig = self.config
        size = c.to_size or c.size
        for name, values in (("size", c.size), ("to_size", size)):
            if min(values) <= 0 or max(values) > 20:
                raise InvalidInput(f"{name} {list(values)}", hint="metres, above 0, to 20")
        raised = (c.middle[0], c.middle[1] + (size[1] - c.size[1]) / 2, c.middle[2])
        turned = c.yaw if c.to_yaw is None else c.to_yaw
        return _solid(c.middle, c.size, c.yaw), _solid(c.to_middle or raised, size, turned)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_trumans.examples import example_motion

        motion = example_motion(20)
        middle, size = (0.6, 0.4, 0.3), (0.6, 0.8, 0.8)
        return {
            "configs": [
                AugmentConfig(middle=middle, size=size),
                AugmentConfig(middle=middle, size=size, to_size=(0.6, 0.9, 0.8), to_yaw=10.0),
            ],
            "calls": {"apply": [{"motion": motion}]},
        }


def _solid(middle: Place, size: Place, yaw: float) -> Solid:
    return Solid(np.array(middle, float), np.array(size, float), float(np.radians(yaw)))
