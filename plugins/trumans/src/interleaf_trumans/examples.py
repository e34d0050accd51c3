"""Small scenes and walks made by rule, for examples and tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from interleaf.values import Motion
from interleaf_trumans.judging.walk import Walk
from interleaf_trumans.scenes.rooms import boxed
from interleaf_trumans.scenes.scene import Scene, scene_of
from interleaf_trumans.walking.clips import FPS, JOINTS, PARENTS
from interleaf_trumans.walking.gait import made_clips


def example_scene(name: str = "hall", voxel: float = 0.1) -> Scene:
    """A floor of 6 m a side with walls and a block in its middle."""
    return scene_of(boxed([(0.0, 0.0, 0.0, 0.8, 0.8, 0.9)], 6.0, 6.0), name=name, voxel=voxel)[0]


def example_clips() -> Any:
    """The walks made by rule, as motions."""
    from interleaf.pipeline.collection import Collection
    from interleaf_trumans.components import motion_of
    from interleaf_trumans.walking.gait import made_clips

    return Collection.of({c.name: motion_of(c) for c in made_clips() if c.action == "walk"})


def example_motion(frames: int = 60) -> Motion:
    """A walk straight ahead along +z."""
    clip = made_clips()[2]
    return Motion(clip.root[:frames], clip.turns[:frames], JOINTS, PARENTS, clip.offsets, FPS)


def example_walk(x: float = 1.5, frames: int = 60) -> Walk:
    """That walk, beside the block of the example scene."""
    motion = example_motion(frames)
    shift = np.array([x, 0.0, -1.0])
    moved = Motion(motion.root + shift, motion.rotations, JOINTS, PARENTS, motion.offsets, FPS)
    ends = moved.root[[0, -1]][:, [0, 2]]
    return Walk("hall", moved, ends[0], ends[1], np.array([frames // 2]))
