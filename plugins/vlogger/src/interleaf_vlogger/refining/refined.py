"""The compositor with a network that corrects its frames: in a photo's holes, or all over drawn people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
import torch

from interleaf_body.values import Person
from interleaf_training.engine import fast_bfloat16
from interleaf_vlogger.compositor import Compositor, Drawn
from interleaf_vlogger.inside import PARTS_INSIDE
from interleaf_vlogger.layers import push_pull
from interleaf_vlogger.refining.network import REACH, UNet, told
from interleaf_vlogger.refining.window import Heard, Window

Floats = np.ndarray[Any, Any]
Where = Literal["holes", "all"]
SOFT = 1.0  # of the compositor's blur: the standard deviation of a correction's edge
CLEAR = 3  # of its blurs: how far what was painted stays as it is


class Refined(Compositor):
    """Frames of one photo and the person in it, corrected ``where`` the photo does not say what is there
    (``holes``; everything else is the compositor's bit for bit), or near the body as a whole (``all``)."""

    def __init__(
        self, photo: Floats, person: Person, network: UNet, side: int, where: Where = "holes",
        share: Floats | None = None,
    ) -> None:  # fmt: skip
        super().__init__(photo, person, share)
        self.network, self.where = network, where
        self.window = Window(self, side)
        self.still_heard = [
            torch.from_numpy(x[None]) for x in (self.window.photo, self.window.rest)
        ]
        self.quick = fast_bfloat16("cpu")

    def frame(self, vertices: Floats, closing: Sequence[float] | Floats = (0.0, 0.0)) -> Floats:
        """The photo [H, W, 3] uint8 with the body's vertices [V, 3] where they now are, corrected."""
        drawn = self.drawn(vertices, closing)
        much = self.much(drawn)
        if much.any():
            self._correct(drawn.frame, much, self.window.heard(drawn))
        return drawn.frame

    def much(self, drawn: Drawn) -> Floats:
        """By how much [h, w], 0..1, the window's pixels are corrected."""
        box = self.window.box
        if self.where == "all":
            body = ((drawn.part > 0) | (self.part > 0))[box].astype(np.uint8)
            wide = 2 * round(REACH * body.shape[1] / self.window.side) + 1
            found: Floats = cv2.dilate(body, np.ones((wide, wide), np.uint8)).astype(np.float32)
            return found
        holes = drawn.hides[box].astype(np.float32)
        if not holes.any():
            return holes
        wide = 2 * CLEAR * self.blur + 1
        painted = cv2.dilate(drawn.painted[box].astype(np.uint8), np.ones((wide, wide), np.uint8))
        holes *= 1 - painted
        soft: Floats = cv2.GaussianBlur(holes, (0, 0), SOFT * self.blur) * holes
        return soft

    def _correct(self, frame: Floats, much: Floats, heard: Heard) -> None:
        said = self._said(heard)
        if self.where == "holes":
            said -= beside(said, heard)
        large = self.window.large(said)
        here = frame[self.window.box]
        made = np.clip(here * np.exp(large[..., :3]) + large[..., 3:], 0, 255)
        here[:] = np.where(
            (much > 0)[..., None], np.rint(here + much[..., None] * (made - here)), here
        ).astype(np.uint8)

    def _said(self, heard: Heard) -> Floats:
        """The logarithm of what light is multiplied by, and what is added to bytes [S, S, 6]."""
        given = [
            torch.from_numpy(x[None])
            for x in (heard.frame, heard.masks, heard.geometry, heard.part)
        ]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self.quick):
            factor, added = self.network(told(*given, *self.still_heard))
        found: Floats = torch.cat([factor, 255 * added], 1)[0].movedim(0, -1).contiguous().numpy()
        return found


def beside(said: Floats, heard: Heard) -> Floats:
    """What the network says [S, S, C] of the body that a photo shows, spread over the rest.

    There the photo is right, so that what is said of it is an error; without it a correction has no seam at a
    hole's edge either (a membrane over the hole, as in Perez, Gangnet, Blake 2003).
    """
    body = (heard.part > 0) & ~np.isin(heard.part, PARTS_INSIDE)
    shown = (body & (heard.masks[..., 0] == 0)).astype(np.float32)
    return push_pull(said * shown[..., None], shown)
