"""`trumans.film`: walks as short films, for people to look at and to choose between."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Model
from interleaf.pipeline.collection import Collection
from interleaf.values import Frames, Motion
from interleaf_body.skeleton import selected
from interleaf_trumans import drawing
from interleaf_trumans.config import FilmConfig


class Film(Model):
    """Films of walks, with the walks' ids, so that those of different walkers can be laid side by side."""

    Config = FilmConfig

    def apply(self, walks: Dataset, scenes: Dataset, ctx: Context | None = None) -> Dataset:
        """One film for each walk, from its first frame on, all seen from the same side."""
        ctx = ctx or Context()
        places = {s.name: s for s in scenes}
        made: dict[str, Frames] = {}
        pairs = list(walks.items())
        for number, (name, walk) in enumerate(pairs):
            if walk.scene not in places:
                raise InvalidInput(
                    f"walk {name} is in scene '{walk.scene}'",
                    hint=f"given are {', '.join([*places][:4])}",
                )
            made[name] = self._film(places[walk.scene], walk.motion)
            ctx.monitor.progress(number + 1, len(pairs))
        return Collection.of(made)

    def _film(self, scene: Any, motion: Motion) -> Frames:
        c: FilmConfig = self.config
        kept = selected(motion, slice(0, max(round(c.seconds * motion.fps), 1)))
        pictures = drawing.video_frames(
            scene, kept, body=c.body, width=c.width, height=c.height, cut=c.cut, every=c.every
        )
        return Frames(
            np.stack(list(pictures)), Fraction(motion.fps).limit_denominator(1001) / c.every
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_trumans.examples import example_scene, example_walk

        call = {
            "walks": Collection.of([example_walk(frames=6)]),
            "scenes": Collection.of([example_scene()]),
        }
        config = FilmConfig(width=64, height=48, body="capsule")
        return {"configs": [config], "calls": {"apply": [call]}}
