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
BRIGHT = 0.7, 1.25  # what each colour is multiplied by, at random
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
        lost = loss(made.float(), wanted, masks, part, near(part, rest))
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
        light, order = rng.uniform(*BRIGHT, 3).astype(np.float32), rng.permutation(3)
        for name in ("frame", "true", "photo"):
            triples = found[name].reshape(*found[name].shape[:2], -1, 3)[..., order] * light
            found[name] = np.clip(triples, 0, 255).astype(np.uint8).reshape(found[name].shape)
        return found

    def fingerprint(self) -> str:
        """Of all pictures and the order."""
        total = blake2b(str(self.seed).encode(), digest_size=16)
        for values in (*self.held.values(), *self.photos, *self.rests):
            total.update(np.ascontiguousarray(values).tobytes())
        return total.hexdigest()


HEARD = ("frame", "masks", "geometry", "part")
