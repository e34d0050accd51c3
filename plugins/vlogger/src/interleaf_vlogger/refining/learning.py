"""Frames of drawn or filmed people as training samples."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from interleaf.errors import InvalidInput
from interleaf_training.sources import Batch, Order
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.portrayed import Portrayed
from interleaf_vlogger.refining.network import UNet, loss, near, told
from interleaf_vlogger.refining.window import Window

Floats = np.ndarray[Any, Any]
BRIGHT, TINT = (
    (0.75, 1.2),
    (0.85, 1.15),
)  # what a picture, and each of its colours, is multiplied by
CURVE = 0.9, 1.1  # the power that brightness is raised to
HEARD = ("frame", "masks", "geometry", "part")
ACROSS = {"geometry": (0, 3, 6), "rest": (0, 3)}  # numbers that change sign in a mirror


class Correcting(nn.Module):
    """What is minimised, on the batches of `Pictures`."""

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, frame: Tensor, masks: Tensor, geometry: Tensor, part: Tensor, photo: Tensor, rest: Tensor,
        true: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Loss sum and count."""
        given, wanted = (x.movedim(-1, 1).float() / 255 for x in (frame, true))
        made = self.network.corrected(given, told(frame, masks, geometry, part, photo, rest))
        where = near(part, rest)
        lost = loss(made.float(), wanted, masks, part, where)
        lost = lost - loss(given, wanted, masks, part, where)  # 0: as good as the compositor
        return lost.sum(), torch.tensor(len(lost))


class Pictures:
    """What the network hears of every frame, and the true frame, ``side`` pixels wide; the i-th sample is a
    function of the seed and i alone: half of them mirrored, their colours changed about."""

    def __init__(self, people: Iterable[Portrayed], side: int, seed: int) -> None:
        self.seed = seed
        held: dict[str, list[Floats]] = {n: [] for n in (*HEARD, "true")}
        self.photos: list[Floats] = []
        self.rests: list[Floats] = []
        self.who: list[int] = []
        for person in people:
            window = Window(Compositor(person.photo, person.person), side)
            for vertices, true in zip(person.vertices, person.frames, strict=True):
                heard = window.heard(window.known.drawn(vertices))
                for name in HEARD:
                    held[name].append(getattr(heard, name))
                held["true"].append(window.small(true))
            self.who += [len(self.photos)] * len(person.frames)
            self.photos.append(window.photo)
            self.rests.append(window.rest)
        if not self.who:
            raise InvalidInput("there is nothing to train on", hint="data: vlogger.portraits")
        self.held = {name: np.stack(values) for name, values in held.items()}
        self.order = Order(len(self.who), seed)

    def batch(self, first: int, stop: int) -> Batch:
        """By name, as `Correcting` takes them."""
        rows = [
            self._one(i, at)
            for i, at in zip(range(first, stop), self.order.items(first, stop), strict=True)
        ]
        return {name: torch.from_numpy(np.stack([r[name] for r in rows])) for name in rows[0]}

    def _one(self, sample: int, at: int) -> dict[str, Floats]:
        rng = np.random.default_rng([self.seed, sample])
        found = {name: values[at] for name, values in self.held.items()}
        found |= {"photo": self.photos[self.who[at]], "rest": self.rests[self.who[at]]}
        if rng.random() < 0.5:
            found = {name: values[:, ::-1].copy() for name, values in found.items()}
            for name, numbers in ACROSS.items():
                found[name][..., numbers] = 255 - found[name][..., numbers]
        curves, order = _curves(rng), rng.permutation(3)
        for name in ("frame", "true", "photo"):
            triples = found[name].reshape(-1, 3)[:, order]
            made = np.stack([curves[c][triples[:, c]] for c in range(3)], -1)
            found[name] = made.reshape(found[name].shape)
        return found

    def fingerprint(self) -> str:
        """Of all pictures and the order."""
        total = blake2b(str(self.seed).encode(), digest_size=16)
        for values in (*self.held.values(), *self.photos, *self.rests):
            total.update(np.ascontiguousarray(values).tobytes())
        return total.hexdigest()


def _curves(rng: np.random.Generator) -> Floats:
    """What each brightness becomes [3, 256], another for every colour."""
    light = np.exp(rng.uniform(*np.log(BRIGHT))) * rng.uniform(*TINT, (3, 1))
    found = 255 * light * np.linspace(0, 1, 256) ** rng.uniform(*CURVE)
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)
