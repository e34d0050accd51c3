"""`vlogger.edit`: another expression in a photo or a video."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Model
from interleaf.values import Frames, Image
from interleaf_body.backends import body_model
from interleaf_body.camera import Camera
from interleaf_body.following import Track, follow
from interleaf_body.keypoints import Points, as_rgb
from interleaf_body.photo import FLIP
from interleaf_body.values import Person
from interleaf_vlogger.editing import edited, read
from interleaf_vlogger.pursuing import pursued
from interleaf_vlogger.video_config import EditConfig

Floats = np.ndarray[Any, Any]


def tracked(frames: Floats, person: Person, smooth: float = 1.0) -> Track:
    """The person of frame 0 in all frames [T, H, W, 3] uint8, by optical flow at the points of the face."""
    names, at = pursued(frames, landmarks(person))
    return follow(person, names, at, smooth)


def landmarks(person: Person) -> Points:
    """Where a fitted person's named points are in the picture."""
    body = body_model(person.body).bake(person.shape)
    camera = camera_of(person)
    width, height = person.size
    seen = camera.project(body(person.rotvec, None, person.transl[None]).vertices[0])
    at = {n: seen[v].mean(0) for n, (v, _) in body.topology.landmarks.items()}
    inside = {
        n: (float(p[0]), float(p[1]))
        for n, p in at.items() if 0 <= p[0] < width and 0 <= p[1] < height
    }  # fmt: skip
    return Points(inside, dict.fromkeys(inside, 1.0))


def camera_of(person: Person) -> Camera:
    """What took the photo that a person was fitted to."""
    (width, height), (fx, fy, cx, cy) = person.size, person.lens
    return Camera(width, height, fx, fy, cx, cy, np.diag(FLIP), np.zeros(3))


class Edit(Model):
    """Another expression, in a mask outside of which nothing changes."""

    Config = EditConfig

    def apply(
        self, frames: Frames, person: Person, within: Image | None = None,
        ctx: Context | None = None,
    ) -> Mapping[str, Frames]:  # fmt: skip
        """``frames`` and ``masks`` (0 or 255) of the same size; ``person``: as fitted to frame 0; ``within``:
        a mask of the user's, outside of which nothing changes either."""
        ctx, c = ctx or Context(), self.config
        pixels = np.stack([as_rgb(p) for p in frames.pixels])
        if pixels.shape[2:0:-1] != tuple(person.size):
            raise InvalidInput(
                f"the person was fitted to {person.size[0]}×{person.size[1]} pixels, the frames are "
                f"{pixels.shape[2]}×{pixels.shape[1]}",
                hint="fit the video's first frame",
            )
        limit = None if within is None else _mask(within, pixels.shape[1:3])
        actions = body_model(person.body).topology.expression_names
        asked = [read(words, actions) for words in c.operations]
        track = tracked(pixels, person, c.smooth) if len(pixels) > 1 else None
        out, masks = pixels.copy(), np.zeros((*pixels.shape[:3], 1), np.uint8)
        for t in range(len(pixels)):
            if now := [o for o in asked if o.at(t)]:
                there = track.at(t) if track else person
                out[t], mask = edited(pixels[t], there, now, c.grow, limit)
                masks[t, ..., 0] = 255 * mask
            ctx.monitor.progress(t + 1, len(pixels))
        return {"frames": Frames(out, frames.fps), "masks": Frames(masks, frames.fps)}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_vlogger.example import example_person, example_photo

        still = np.repeat(example_photo().pixels[None], 2, 0)
        call = {"frames": Frames(still, Fraction(25)), "person": example_person()}
        half = Image(np.repeat(np.arange(72) < 36, 64).reshape(72, 64).T[..., None].astype("u1"))
        return {
            "configs": [
                EditConfig(), EditConfig(operations=("jawOpen=0.5@1-1", "mouth=0.3@0-0"), grow=0)
            ],
            "calls": {"apply": [call, {**call, "within": half}]},
        }  # fmt: skip


def _mask(within: Image, shape: tuple[int, ...]) -> Floats:
    height, width = within.pixels.shape[:2]
    if (height, width) != shape:
        raise InvalidInput(
            f"the mask is {width}×{height}, the picture {shape[1]}×{shape[0]}",
            hint="a mask of the picture's size: not black where it may change",
        )
    found: Floats = as_rgb(within.pixels).max(-1)
    return found
