"""The anny body (extra ``[anny]``): 13,718 vertices, 104 joints, 52 facial actions, baked once a shape.

anny (Naver, Apache-2.0; mesh, rig and shapes CC0) computes the unposed mesh, the joints and the facial
actions of a shape; posing is ours. What was baked is kept as plain arrays, so that neither torch nor
anny is imported the next time. Its axes (z up, facing −y) become ours (y up, facing +z).
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import metadata, util
from pathlib import Path
from typing import Any, cast

import numpy as np

from interleaf.errors import InvalidInput, PluginMissing
from interleaf.pipeline.files import write_atomic
from interleaf_body.anny_marks import landmarks, parts_at
from interleaf_body.model import BakedBody, Topology, shape_values
from interleaf_body.quaternions import Array
from interleaf_body.skinning import Sparse

SHAPE = ("gender", "age", "muscle", "weight", "height", "proportions")
FREE = ("anny", "soma")  # topologies under permissive terms
NONCOMMERCIAL = ("smplx", "smpl")
FORMAT = 1  # of the kept files
TO_Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
Say = Callable[[str], None]


def installed() -> bool:
    """Whether the extra is there."""
    return util.find_spec("anny") is not None and util.find_spec("torch") is not None


def prepared() -> bool:
    """Whether it was used before, so that using it again is quick."""
    return installed() and (cache_folder() / f"{Anny().prefix}-topology.npz").is_file()


def cache_folder() -> Path:
    """Where baked bodies are kept: ``$XDG_CACHE_HOME/interleaf/body``."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "interleaf" / "body"


class Anny:
    """anny as a `BodyModel`. ``topology`` ``anny`` is free; ``smplx`` is under non-commercial terms, would be
    downloaded by anny itself, and is refused unless ``noncommercial`` says that you may."""

    shape_names = SHAPE

    def __init__(
        self, *, topology: str = "anny", noncommercial: bool = False, say: Say | None = None
    ) -> None:
        if topology in NONCOMMERCIAL and not noncommercial:
            raise InvalidInput(
                f"anny's topology '{topology}' is licensed for non-commercial use only",
                hint="set noncommercial: true if your use is; topology 'anny' is free for any use",
            )
        if topology not in (*FREE, *NONCOMMERCIAL):
            raise InvalidInput(f"no topology '{topology}'", hint=", ".join((*FREE, *NONCOMMERCIAL)))
        if not installed():
            raise PluginMissing(
                "the anny body needs the packages anny and torch",
                hint="pip install 'interleaf-body[anny]', or use the body 'capsule'",
            )
        self.name, self.say = topology, say or (lambda message: None)

    @cached_property
    def prefix(self) -> str:
        """Of the names of kept files: what they depend on, but for the shape."""
        return f"anny-{metadata.version('anny')}-{self.name}-{FORMAT}"

    @cached_property
    def topology(self) -> Topology:
        """Faces, joints, weights, landmarks."""
        kept = self._kept("topology", self._topology)
        names = json.loads(bytes(kept["names"]).decode())
        marks = {
            name: (kept[f"mark_{name}"], _mean(len(kept[f"mark_{name}"])))
            for name in names["marks"]
        }
        weights = Sparse(kept["starts"], kept["joints"], kept["weights"])
        return Topology(
            kept["faces"], kept["uv"], kept["face_uv"], kept["parts"], tuple(names["joints"]),
            tuple(kept["parents"].tolist()), weights, tuple(names["expressions"]), marks,
        )  # fmt: skip

    def bake(self, shape: Mapping[str, float] | None = None) -> BakedBody:
        """One identity: gender, age, muscle, weight, height, proportions, each from 0 to 1 (0.5)."""
        values = shape_values(shape, SHAPE)
        told = json.dumps(values, sort_keys=True).encode()
        key = hashlib.blake2b(told, digest_size=8).hexdigest()
        kept = self._kept(f"body-{key}", lambda: self._baked(values))
        fields = ("template", "heads", "bind", "moved", "basis")
        return BakedBody(self.topology, *(kept[name] for name in fields))

    def _kept(self, what: str, make: Callable[[], dict[str, Array]]) -> dict[str, Array]:
        """Arrays from the kept file; made, and kept, where there is none or it cannot be read."""
        file = cache_folder() / f"{self.prefix}-{what}.npz"
        try:
            with np.load(file, allow_pickle=False) as found:
                return {name: found[name] for name in found.files}
        except Exception:  # absent, cut off, or altered: it is made again
            made = make()
        out = io.BytesIO()
        np.savez_compressed(out, **cast(dict[str, Any], made))
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, out.getvalue())
        return made

    @cached_property
    def source(self) -> Any:
        """anny's own model, with facial actions; its caches go below ours."""
        self.say("preparing the anny body: a minute or more the first time, seconds later")
        import warp

        warp.config.log_level = max(warp.config.log_level, 40)  # no banner
        import anny
        from anny.paths import set_anny_cache_path

        set_anny_cache_path(cache_folder() / "anny")
        return anny.Anny(topology=self.name, facial_actions="all", phenotype_blendshapes="original")

    def _baked(self, shape: Mapping[str, float]) -> dict[str, Array]:
        import torch

        with torch.inference_mode():
            kwargs = {
                name: torch.tensor([value], dtype=torch.float64) for name, value in shape.items()
            }
            out = {k: v[0].numpy() for k, v in self.source(phenotype_kwargs=kwargs).items()}
        rest, posed = out["rest_bone_poses"], out["bone_poses"]
        heads = posed[:, :3, 3] - posed[0, :3, 3]
        bind = posed @ np.linalg.inv(rest)  # unposed vertices to the reference pose
        bind[:, :3, 3] -= posed[:, :3, 3]  # then to each joint
        bind = _turned(bind)
        moved, basis = self._facial()
        return {
            "template": (out["rest_vertices"] @ TO_Y_UP.T).astype(np.float32),
            "heads": heads @ TO_Y_UP.T, "bind": bind[:, :3], "moved": moved, "basis": basis,
        }  # fmt: skip

    def _facial(self) -> tuple[Array, Array]:
        """The vertices that facial actions move, and by how much; they are linear and know no identity."""
        count = len(self.source.facial_action_labels)
        basis = self.source.blendshapes[-count:].numpy() @ TO_Y_UP.T
        moved = np.flatnonzero(np.abs(basis).max((0, 2)) > 1e-7)
        return moved.astype(np.int32), basis[:, moved].astype(np.float32)

    def _topology(self) -> dict[str, Array]:
        source = self.source
        faces = source.get_triangular_faces().numpy().astype(np.int32)
        uv = source.texture_coordinates.numpy().astype(np.float32)
        face_uv = source.face_texture_coordinate_indices.numpy().astype(np.int32)
        weights = _weights(source)
        parts = parts_at(uv[face_uv].mean(1))
        baked = self._baked(shape_values(None, SHAPE))
        marks = landmarks(
            baked, faces, parts, list(source.bone_labels), list(source.facial_action_labels)
        )
        names = {
            "joints": list(source.bone_labels), "expressions": list(source.facial_action_labels),
            "marks": list(marks),
        }  # fmt: skip
        return {
            "faces": faces, "uv": uv, "face_uv": face_uv, "parts": parts,
            "parents": np.array(source.bone_parents, np.int32), "starts": weights.starts,
            "joints": weights.joints, "weights": weights.weights,
            "names": np.frombuffer(json.dumps(names).encode(), np.uint8),
            **{f"mark_{name}": vertices for name, vertices in marks.items()},
        }  # fmt: skip


def _mean(count: int) -> Array:
    return np.full(count, 1 / count, np.float32)


def _turned(transforms: Array) -> Array:
    """Transforms between z-up spaces as transforms between y-up spaces."""
    whole = np.eye(4)
    whole[:3, :3] = TO_Y_UP
    return whole @ transforms @ whole.T


def _weights(source: Any) -> Sparse:
    values, bones = source.vertex_bone_weights.numpy(), source.vertex_bone_indices.numpy()
    dense = np.zeros((len(values), len(source.bone_labels)))
    np.add.at(dense, (np.arange(len(values))[:, None], bones), values)
    return Sparse.of(dense)
