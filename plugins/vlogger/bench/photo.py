"""Does the refiner do harm on real photos? Holes are cut as poses would hide them; the photo is the truth.

    python plugins/vlogger/bench/photo.py [--weights FOLDER] [--poses 24] [--sheet PNG] PHOTO[=POINTS.yaml]…

A photo's body is fitted (from ``POINTS.yaml``, or a detected face). For each of many random poses, body that
the photo shows and that pose does not, and background that it covers, are taken out of the photo and filled
as the compositor fills them; then the network corrects the fill. Neither sees anything of what was cut out.
PSNR in the holes alone, over all poses together; without a photo, scikit-image's astronaut.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import skimage.data
import torch

from interleaf.values import Image
from interleaf_body.backends import body_model
from interleaf_body.keypoints import as_rgb, detect, read_points
from interleaf_body.photo import fit
from interleaf_body.raster import maps
from interleaf_media.reading import read_image
from interleaf_media.writing import encode_png
from interleaf_vlogger.compositor import NEAR, Drawn
from interleaf_vlogger.layers import background, push_pull, sampled
from interleaf_vlogger.portrayed import SWAY
from interleaf_vlogger.refining.components import Refiner
from interleaf_vlogger.refining.refined import Refined
from interleaf_vlogger.refining.window import Heard
from interleaf_vlogger.video_config import RefinerConfig

POSES, SHOWN = 24, 4  # of each photo


def posed(known: Refined, rng: np.random.Generator) -> np.ndarray:
    """Vertices [V, 3] of a random pose."""
    p, names = known.person, known.body.topology.joint_names
    rotvec = p.rotvec.copy()
    for i, name in enumerate(names):
        for start, much in SWAY.items():
            if name.startswith(start):
                rotvec[0, i] += rng.normal(0, much, 3)
    return known.body(rotvec, None, p.transl[None]).vertices[0]


def holes(known: Refined, still: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the photo, body that the ``other`` pose hides and background that it covers [H, W]."""
    plain = known.surface
    found = maps(other[None], plain, known.camera, ("depth", "part"))
    depth, covered = found["depth"][0].copy(), found["part"][0] > 0
    seen, (width, height) = known.camera.seen(other), known.person.size
    at = known.camera.project(other)
    carried = replace(plain, template=np.column_stack([at, seen[:, 2]]).astype(np.float32))
    place = maps(still[None], carried, known.camera, ("template",))["template"][0]
    x, y = (np.clip(place[..., k].astype(int), 0, n - 1) for k, n in ((0, width), (1, height)))
    inside = (
        (place[..., 0] >= 0)
        & (place[..., 0] < width)
        & (place[..., 1] >= 0)
        & (place[..., 1] < height)
    )
    shown = inside & (depth[y, x] > 0) & (place[..., 2] < depth[y, x] + NEAR)
    body = known.part > 0
    return body & ~shown, ~body & covered & (known.matte[..., 0] < 0.02)


def filled(
    known: Refined, hidden: np.ndarray, uncovered: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The photo without its holes, as the compositor fills them; and the background behind the person."""
    body = known.part > 0
    shown = (body & ~hidden).astype(np.float32)
    skin = push_pull(known.photo * shown[..., None], shown)
    away = np.maximum(known.matte[..., 0], uncovered)
    behind = background(known.photo, away, 2 * known.blur)
    out = np.where(uncovered[..., None], behind, known.photo)
    return np.where(hidden[..., None], skin + 0.5, out).astype(np.uint8), behind


def heard(
    known: Refined, fill: np.ndarray, behind: np.ndarray, holes: np.ndarray, still: np.ndarray,
    other: np.ndarray,
) -> Heard:  # fmt: skip
    """What the network hears as if the photo had been taken in the ``other`` pose, in which the ``holes``
    [H, W, 2] are not seen: the photo is moved there by the compositor, and back it came with these holes."""
    window, part = known.window, known.part
    window.then = window._normals(other)
    drawn = Drawn(fill, fill, np.zeros((*part.shape, 2)), part, holes[..., 0], still)
    given = replace(window.heard(drawn), masks=window.small(holes.astype(np.uint8) * np.uint8(255)))
    taken = known.drawn(other)
    geometry, there = window._geometry(other)
    share = sampled(np.rint(255 * known.matte).astype(np.uint8), taken.field)[..., 0]
    share = np.where(taken.part > 0, 255, share).astype(np.uint8)
    known_there = np.stack([np.where(there > 0, 255, 0).astype(np.uint8), window.small(share)], -1)
    rest = np.concatenate([geometry[..., :6], known_there], -1)
    photo = np.concatenate([window.small(taken.frame), window.small(behind)], -1)
    known.still_heard = [torch.from_numpy(v[None]) for v in (photo, rest)]
    return given


def psnr(errors: list[np.ndarray]) -> float:
    """Decibels over all given squared errors; NaN where there are none."""
    flat = np.concatenate(errors)
    return float(10 * np.log10(255**2 / max(float(flat.mean()), 1e-9))) if len(flat) else np.nan


def compared(known: Refined, poses: int) -> tuple[list[float], list[np.ndarray]]:
    """Decibels in body holes and background holes, each filled and corrected; pictures of the first poses."""
    photo, person = known.photo, known.person
    still = known.body(person.rotvec, None, person.transl[None]).vertices[0]
    rng, rows = np.random.default_rng(0), []
    errors: list[list[np.ndarray]] = [[], [], [], []]
    for k in range(poses):
        other = posed(known, rng)
        hidden, uncovered = holes(known, still, other)
        fill, behind = filled(known, hidden, uncovered)
        given = heard(known, fill, behind, np.stack([hidden, uncovered], -1), still, other)
        drawn = Drawn(fill, fill, np.zeros((*hidden.shape, 2)), known.part, hidden, still)
        body, background_too = fill.copy(), fill.copy()
        known._correct(body, known.much(drawn), given)
        known._correct(background_too, uncovered[known.window.box].astype(np.float32), given)
        pairs = (fill, hidden), (body, hidden), (fill, uncovered), (background_too, uncovered)
        for kept, (picture, where) in zip(errors, pairs, strict=True):
            kept.append(((picture.astype(float) - photo) ** 2).mean(-1)[where])
        if k < SHOWN:
            marked = np.where(uncovered[..., None], (0, 255, 0), photo)
            marked = np.where(hidden[..., None], (255, 0, 0), marked).astype(np.uint8)
            rows.append(np.hstack([v[known.window.box] for v in (photo, marked, fill, body)]))
    return [psnr(e) for e in errors], rows


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("photos", nargs="*", default=["astronaut"])
    told.add_argument("--weights")
    told.add_argument("--poses", type=int, default=POSES)
    told.add_argument("--sheet")
    a = told.parse_args()
    model, sheet, gains = Refiner(RefinerConfig(weights=a.weights)), [], []
    print("photo: body holes, corrected; background holes, corrected (dB)")
    for name in a.photos:
        file, _, points = name.partition("=")
        own = file == "astronaut"
        photo = skimage.data.astronaut() if own else as_rgb(read_image(Path(file)).pixels)
        size = (photo.shape[1], photo.shape[0])
        marks = read_points(Path(points), size) if points else detect(photo)
        known = model.over(photo, fit(body_model("anny"), "anny", marks, size))
        found, rows = compared(known, a.poses)
        sheet += rows
        gains.append(found[1] - found[0])
        print(f"{Path(file).stem}: " + ", ".join(f"{v:.2f}" for v in found), flush=True)
    print(f"gain in body holes: mean {np.mean(gains):+.2f}, worst {min(gains):+.2f}")
    if a.sheet:
        wide = max(s.shape[1] for s in sheet)
        same = [np.pad(s, ((0, 0), (0, wide - s.shape[1]), (0, 0))) for s in sheet]
        Path(a.sheet).write_bytes(encode_png(Image(np.vstack(same))))


if __name__ == "__main__":
    main()
