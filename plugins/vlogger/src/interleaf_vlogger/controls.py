"""`vlogger.controls`: the paper's control maps as pictures, or as one array for any renderer."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from interleaf.interfaces import Context, Renderer
from interleaf.values import Frames, Image, Motion
from interleaf_body.values import Face, Person
from interleaf_vlogger.controlling import GREYS, Controller, Controls, joined, pictured
from interleaf_vlogger.speaking import Manner, laid, matching, moved
from interleaf_vlogger.video_config import ControlsConfig

Floats = np.ndarray[Any, Any]


class ControlMaps(Renderer):
    """Dense, region and warped-reference maps of the person in a photo, moved."""

    Config = ControlsConfig

    def render(
        self, image: Image, person: Person, motion: Motion, face: Face | None = None,
        ctx: Context | None = None,
    ) -> Frames:  # fmt: skip
        """Frames of one map, or of all beside each other (``map: all``), uint8; ``dense`` is float32."""
        c, found = self.config, self.of(image, person, motion, face, ctx)
        rate = Fraction(str(float(motion.fps))).limit_denominator(1001)
        if c.map == "dense":
            return Frames(found.dense, rate)
        if c.map == "regions":
            return Frames((found.regions.argmax(-1) * GREYS).astype(np.uint8)[..., None], rate)
        return Frames(found.warp if c.map == "warp" else pictured(found), rate)

    def of(
        self, image: Image, person: Person, motion: Motion, face: Face | None = None,
        ctx: Context | None = None,
    ) -> Controls:  # fmt: skip
        """The maps as arrays."""
        ctx, c = ctx or Context(), self.config
        size = (c.width or person.size[0], c.height or person.size[1])
        controller = Controller(matching(image, person), person, size)
        posed = moved(controller, *laid(person, motion, face), Manner(c.liveliness, c.arms))
        parts = []
        for t, vertices in enumerate(posed):
            parts.append(controller.one(vertices))
            ctx.monitor.progress(t + 1, len(posed))
        return joined(parts)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_vlogger.example import example_person, example_photo, example_turns

        call = {"image": example_photo(), "person": example_person(), "motion": example_turns()}
        face = Face(np.array([[0.0], [0.6]], np.float32), ("jawOpen",))
        small: Mapping[str, Any] = {"width": 24, "height": 20}
        configs = [
            ControlsConfig(), ControlsConfig(map="dense", **small), ControlsConfig(map="regions", **small),
            ControlsConfig(map="warp", **small),
        ]  # fmt: skip
        return {"configs": configs, "calls": {"render": [call, {**call, "face": face}]}}
