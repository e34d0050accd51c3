"""What a body is: a model that is baked to one identity, which is then posed frame by frame.

Metres, y up, facing +z, its left at +x. Pose parameters are rotation vectors of each joint's local
rotation, in frames parallel to the world in the rest pose (as `Motion` and BVH have them); all 0 is
the rest pose with the root joint at ``transl``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body import quaternions as quat
from interleaf_body.quaternions import Array
from interleaf_body.skinning import Sparse, pose_frames

# What a face of the mesh belongs to; maps of parts hold these numbers, 0 where there is no body.
PARTS = ("background", "body", "head", "hand.L", "hand.R", "foot.L", "foot.R", "eye.L", "eye.R", "mouth",
         "tongue")  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class BodyOut:
    """``vertices`` [T, V, 3] and the joints' frames in the world, ``joints`` [T, J, 4, 4]; torch tensors
    where pose parameters were."""

    vertices: Any
    joints: Any


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Topology:
    """What all identities of a body share. ``faces`` F×3, outside counter-clockwise; ``uv`` in 0..1 with
    ``face_uv`` F×3 into it; ``part_of_face`` F, numbers into ``PARTS``; ``landmarks``: vertices and weights
    of named points."""

    faces: Array
    uv: Array
    face_uv: Array
    part_of_face: Array
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    weights: Sparse
    expression_names: tuple[str, ...]
    landmarks: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)


class WithTopology(Protocol):
    """What can be drawn and moved: a body of any identity, or one of a third party's."""

    @property
    def topology(self) -> Topology: ...

    def motion(self, root: Array, rotations: Array, fps: float) -> Motion: ...


class BodyModel(Protocol):
    """A family of bodies of one topology."""

    @property
    def topology(self) -> Topology: ...

    @property
    def shape_names(self) -> tuple[str, ...]: ...

    def bake(self, shape: Mapping[str, float] | None = None) -> BakedBody: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BakedBody:
    """One identity. ``template`` V×3 are its unposed vertices, ``bind`` J×3×4 takes them to each joint's
    frame; ``heads`` J×3 the joints in the rest pose, the root at 0; expression e moves vertices
    ``moved`` by ``basis``[e]."""

    topology: Topology
    template: Array
    heads: Array
    bind: Array
    moved: Array
    basis: Array
    constants: dict[Any, tuple[Array, ...]] = field(init=False, default_factory=dict)

    @property
    def offsets(self) -> Array:
        """Rest offsets [J, 3] of the joints from those above them."""
        parents = np.maximum(np.array(self.topology.parents), 0)
        offsets = self.heads - self.heads[parents]
        offsets[0] = 0.0
        return offsets

    def __call__(
        self, rotvec: Any, expr: Any = None, transl: Any = None, *, threads: int = 1
    ) -> BodyOut:
        """Pose the body: ``rotvec`` [T, J, 3], ``expr`` [T, E] (default 0), ``transl`` [T, 3] (default 0).

        numpy arrays give numpy arrays; torch tensors give tensors that can be differentiated. Raises
        InvalidInput for other shapes.
        """
        if type(rotvec).__module__.partition(".")[0] == "torch":
            from interleaf_body.torch_body import pose

            return BodyOut(*pose(self, rotvec, expr, transl))
        t, j = len(rotvec), len(self.topology.joint_names)
        rotvec = np.ascontiguousarray(rotvec)
        kind = rotvec.dtype if rotvec.dtype in (np.float32, np.float64) else np.dtype(np.float32)
        expr = np.zeros((t, len(self.topology.expression_names)), kind) if expr is None else expr
        transl = np.zeros((t, 3), kind) if transl is None else transl
        for name, given, shape in (("rotvec", rotvec, (t, j, 3)), ("transl", transl, (t, 3)),
                                   ("expr", expr, (t, len(self.topology.expression_names)))):  # fmt: skip
            if np.shape(given) != shape:
                raise InvalidInput(f"{name} is {shape}, got {np.shape(given)}")
        given = [np.ascontiguousarray(a, dtype=kind) for a in (rotvec, expr, transl)]
        return BodyOut(*pose_frames(self, *given, threads=threads))

    def posed(self, motion: Motion, expr: Array | None = None, *, threads: int = 1) -> BodyOut:
        """The body in every frame of a motion on its own skeleton (see `retarget`)."""
        if motion.joints != self.topology.joint_names:
            raise InvalidInput(
                "the motion is on another skeleton than the body",
                hint="retarget it first: body.retarget",
            )
        rotvec = quat.to_rotvec(motion.rotations).astype(np.float32)
        return self(rotvec, expr, motion.root.astype(np.float32), threads=threads)

    def motion(self, root: Array, rotations: Array, fps: float) -> Motion:
        """A motion on this body's skeleton."""
        t = self.topology
        return Motion(root, rotations, t.joint_names, t.parents, self.offsets, fps)


def shape_values(
    shape: Mapping[str, float] | None, names: tuple[str, ...], default: float = 0.5
) -> dict[str, float]:
    """Every parameter of a shape, the given ones checked to be known and in 0..1."""
    given = dict(shape or {})
    for name, value in given.items():
        if name not in names:
            raise InvalidInput(f"no shape parameter '{name}'", hint=f"known: {', '.join(names)}")
        if not (isinstance(value, int | float) and 0 <= value <= 1):
            raise InvalidInput(f"shape parameter {name} = {value}", hint="a number from 0 to 1")
    return {name: float(given.get(name, default)) for name in names}
