"""A photo that moves with a body: no learning, an instant preview, and what a learned renderer must beat.

For every pixel of a new frame, where on the photo it comes from. On the posed body that is known: the same
point of the surface, seen in the photo. Beside it (hair, clothes, background) and where the photo did not
see the surface, offsets are filled in from around, coarse to fine, and fade to none away from the body, so
that what the mesh does not cover moves with what it touches. Only what is the person's moves (`matting`): the
background stays, and where it comes to light it is filled from around. A mouth's inside is painted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from interleaf_body.backends import body_model
from interleaf_body.camera import Camera
from interleaf_body.keypoints import as_rgb
from interleaf_body.model import PARTS
from interleaf_body.photo import FLIP
from interleaf_body.raster import Surface, maps
from interleaf_body.values import Person
from interleaf_vlogger.inside import PARTS_INSIDE, Inside
from interleaf_vlogger.layers import background, layered, push_pull, soften
from interleaf_vlogger.lids import Lids
from interleaf_vlogger.matting import matte
from interleaf_vlogger.smile import Brought, rim

Floats = np.ndarray[Any, Any]
NEAR = 0.02  # metres by which a point may lie behind what the photo shows
COARSE = 4  # pixels of the photo to one of the field of offsets beside the body
TEETH_BEHIND = 0.004  # metres from the lips to the teeth
REACH = 0.9  # heads from the body, from which on nothing moves


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A ``frame`` [H, W, 3] uint8, and as it was before lids and a mouth were painted (``warped``); where its
    pixels come from beside their own places, ``field`` [H, W, 2]; parts [H, W]; body that the photo ``hides``
    [H, W]; the body's ``vertices`` [V, 3] with the photo's own lips."""

    frame: Floats
    warped: Floats
    field: Floats
    part: Floats
    hides: Floats
    vertices: Floats

    @property
    def painted(self) -> Floats:
        """Where something was painted [H, W]: lids, lashes, the mouth's inside."""
        found: Floats = (self.frame != self.warped).any(-1) | np.isin(self.part, PARTS_INSIDE)
        return found


class Compositor:
    """Frames of one photo [H, W, 3] uint8 and the person in it; ``share`` [H, W]: how much of each pixel is
    the person's, told by a matte where it is not given."""

    def __init__(self, photo: Floats, person: Person, share: Floats | None = None) -> None:
        self.photo = as_rgb(photo)
        self.body = body_model(person.body).bake(person.shape)
        self.person = person
        (width, height), (fx, fy, cx, cy) = person.size, person.lens
        self.camera = Camera(width, height, fx, fy, cx, cy, np.diag(FLIP), np.zeros(3))
        still = self.body(person.rotvec, None, person.transl[None]).vertices
        rest = self.body(np.zeros_like(person.rotvec)).vertices[0]
        plain = Surface.of(self.body, rest)
        self.brought = self._lips(still[0])
        if self.brought:
            still = self.brought.moved(still[0])[None]
        known = maps(still, plain, self.camera, ("depth", "part"))
        self.depth, self.part = known["depth"][0].copy(), known["part"][0].copy()
        seen = self.camera.seen(still[0])
        at = self.camera.project(still[0])
        self.deepest = float(max(seen[:, 2].max(), 1e-3))
        carried = np.column_stack([at / [width, height], seen[:, 2] / self.deepest])
        self.surface = replace(plain, template=carried.astype(np.float32))
        self.still = self._offsets(still)[0]
        head = np.flatnonzero((self.part == PARTS.index("head")).any(1))
        self.head = float(head[-1] - head[0] + 1) if len(head) else height / 4
        self.blur = max(1, round(self.head / 120))
        self.lids = Lids(self.body, self.part, at, self.blur)
        self.far = self._fade()
        if share is None:
            share = matte(self.photo, self.part > 0, self.head)
        self.matte = share[..., None]
        self.behind = background(self.photo, share, 2 * self.blur)
        light = (
            self.photo[self.part == PARTS.index("head")].mean() if (self.part > 0).any() else 128
        )
        light = float(np.clip(light / 150.0, 0.3, 1.3))
        self.inside = self._mouth(still[0], light) if self.brought else None

    def _uncover(self, out: Floats, sure: Floats, part: Floats) -> None:
        """Skin and clothes that the photo hides take the colours of what it shows of the body around them."""
        hidden = (part > 0) & ~sure & ~np.isin(part, PARTS_INSIDE)
        if not hidden.any():
            return
        rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
        edge = round(self.head / 4)
        box = (
            slice(max(rows[0] - edge, 0), rows[-1] + edge + 1),
            slice(max(columns[0] - edge, 0), columns[-1] + edge + 1),
        )
        shown = (sure & ~np.isin(part, PARTS_INSIDE))[box].astype(np.float32)
        fill = push_pull(out[box] * shown[..., None], shown)
        out[box] = np.where(hidden[box][..., None], fill + 0.5, out[box]).astype(np.uint8)

    def _lips(self, still: Floats) -> Brought | None:
        """The photo's lips, where the body has a mouth and the photo shows it."""
        if not len(rim(self.body)[0]):
            return None
        return Brought(self.photo, self.body, self.camera, still, not self.person.trusted)

    def _mouth(self, still: Floats, light: float) -> Inside | None:
        """What the photo's mouth shows when it opens."""
        assert self.brought
        mouth, t = self.brought.mouth, self.body.topology
        edge, low = rim(self.body)
        skin = np.unique(t.faces[t.part_of_face == PARTS.index("head")])
        u, v = mouth.own(self.camera.project(still[skin]))
        firm = skin[(np.abs(u) < 1.2) & (v < -0.6) & (v > -2.4)]
        firm = firm[low[firm] < 0.01]
        if len(firm) < 10:
            return None
        depth = float(self.camera.seen(still[edge])[:, 2].min()) + TEETH_BEHIND
        return Inside(self.photo, mouth, light, self.camera, firm, still, depth, self.blur)

    def frame(self, vertices: Floats, closing: Sequence[float] | Floats = (0.0, 0.0)) -> Floats:
        """The photo [H, W, 3] uint8 with the body's vertices [V, 3] where they now are.

        ``closing``: how far the upper and the lower of lips that the photo shows apart have met, 0..1.
        """
        return self.drawn(vertices, closing).frame

    def drawn(self, vertices: Floats, closing: Sequence[float] | Floats = (0.0, 0.0)) -> Drawn:
        """The same, and where its pixels come from."""
        if self.brought:
            vertices = self.brought.moved(vertices, *closing)
        at = self.camera.project(vertices)
        offsets, sure, part = self._offsets(vertices[None])
        known = sure & ~np.isin(part, PARTS_INSIDE)
        field = self._filled(offsets - self.still * sure[..., None], known, part == 0)
        out = np.empty_like(self.photo)
        layered(self.photo, self.matte, self.behind, field, part, out)
        self._uncover(out, sure, part)
        soften(out, field)
        warped = out.copy()
        self.lids.mend(out, field, part)
        self.lids.lashes(out, at)
        if self.inside:
            self.inside.paint(out, field, part, vertices)
        return Drawn(out, warped, field, part, (part > 0) & ~sure, vertices)

    def _offsets(self, vertices: Floats) -> tuple[Floats, Floats, Floats]:
        """From each pixel to its place in the photo [H, W, 2], where the photo shows it, and the part."""
        found = maps(vertices, self.surface, self.camera, ("template", "part"))
        carried, part = found["template"][0], found["part"][0]
        height, width = part.shape
        at = carried[..., :2] * np.array([width, height], np.float32)
        x, y = (
            np.clip(at[..., i].astype(np.int64), 0, n - 1) for i, n in ((0, width), (1, height))
        )
        inside = (at >= 0).all(-1) & (at[..., 0] < width) & (at[..., 1] < height)
        shown = self.depth[y, x]
        sure = (part > 0) & inside & (shown > 0) & (carried[..., 2] * self.deepest < shown + NEAR)
        ys, xs = np.mgrid[:height, :width]
        offsets = at - np.stack([xs + 0.5, ys + 0.5], -1).astype(np.float32)
        offsets[~sure] = 0
        return offsets, sure, part.copy()

    def _fade(self) -> Floats:
        """1 near the body, 0 from `REACH` heads on, at the coarse scale."""
        away = ndimage.distance_transform_edt(~_shrunk(self.part > 0)) * COARSE
        found: Floats = np.clip(1 - away / max(REACH * self.head, 1.0), 0, 1).astype(np.float32)
        return found * found * (3 - 2 * found)

    def _filled(self, offsets: Floats, sure: Floats, beside: Floats) -> Floats:
        """Offsets [H, W, 2] for all pixels: known where sure, else from around; ``beside``: off the body."""
        height, width = sure.shape
        rows, columns = -(-height // COARSE), -(-width // COARSE)
        total = np.zeros((rows * COARSE, columns * COARSE, 3), np.float32)
        total[:height, :width, :2] = offsets * sure[..., None]
        total[:height, :width, 2] = sure
        small = COARSE**2 * cv2.resize(total, (columns, rows), interpolation=cv2.INTER_AREA)
        spread = push_pull(small[..., :2], small[..., 2]) * self.far[..., None]
        wide = cv2.resize(spread, (width, height), interpolation=cv2.INTER_LINEAR)
        soft = cv2.GaussianBlur((sure | beside).astype(np.float32), (0, 0), 1.0) * sure
        soft = np.clip(2 * soft - 1, 0, 1)[..., None]  # no step at the edge of what is known
        field: Floats = soft * offsets + (1 - soft) * wide
        return field


def _shrunk(mask: Floats) -> Floats:
    height, width = mask.shape
    rows, columns = -(-height // COARSE), -(-width // COARSE)
    whole = np.zeros((rows * COARSE, columns * COARSE), bool)
    whole[:height, :width] = mask
    found: Floats = np.asarray(whole.reshape(rows, COARSE, columns, COARSE).any((1, 3)))
    return found
