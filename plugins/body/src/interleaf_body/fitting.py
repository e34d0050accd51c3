"""`body.fit_photo`: a photo as a body before a camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from interleaf.interfaces import Context, Measure, Model, Report
from interleaf.values import Image
from interleaf_body.backends import body_model
from interleaf_body.config import FitPhotoConfig
from interleaf_body.keypoints import Points, detect, read_points
from interleaf_body.photo import fit
from interleaf_body.values import Person

EXAMPLE = """left_eye: [37, 28]
right_eye: [27, 28]
nose: [32, 34]
left_mouth: [36, 39]
right_mouth: [28, 39]
chin: [32, 45]
"""


def points_of(image: Image, keypoints: str | None) -> Points:
    """Given points, else rough ones of the largest frontal face."""
    height, width = image.pixels.shape[:2]
    return read_points(keypoints, (width, height)) if keypoints else detect(image.pixels)


class FitPhoto(Model):
    """A photo, and the points of the person in it, as a body before a camera."""

    Config = FitPhotoConfig

    def apply(
        self, image: Image, keypoints: str | None = None, ctx: Context | None = None
    ) -> Mapping[str, Any]:
        """``person`` and a report: residual in pixels, whether it can be trusted. ``keypoints``: YAML text,
        'name: [x, y]'; without, a frontal face is looked for, and the fit is never trusted."""
        c: FitPhotoConfig = self.config
        points = points_of(image, keypoints)
        if ctx:
            for note in points.notes:
                ctx.monitor.notice(note)
        height, width = image.pixels.shape[:2]
        model = body_model(c.body, topology=c.topology, noncommercial=c.noncommercial)
        person = fit(model, c.body, points, (width, height), c.diagonal)
        return {"person": person, "report": told(person, points)}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        grey = Image(np.full((64, 64, 3), 128, np.uint8))
        return {
            "configs": [FitPhotoConfig()],
            "calls": {"apply": [{"image": grey, "keypoints": EXAMPLE}]},
        }


def told(person: Person, points: Points) -> Report:
    """The fit's measures."""
    n = len(points.at)
    return Report((
        Measure(name="residual", value=person.residual, unit="px", direction="down", n=n),
        Measure(name="trusted", value=float(person.trusted), direction="up", n=n),
    ))  # fmt: skip
