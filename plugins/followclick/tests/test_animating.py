"""The paper's network as a component, on what users may give; its made-up samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("diffusers")
from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf.interfaces.component import Silent
from interleaf.values import Image, Item
from interleaf_followclick.animate.components import Animate
from interleaf_followclick.composites import composite, composites
from interleaf_followclick.config import AnimateModelConfig
from interleaf_followclick.phrases import named
from interleaf_followclick.reading import mask_image


class Heard(Silent):
    """A monitor that keeps what a user is told."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, message: str) -> None:
        self.notices.append(message)


@pytest.fixture(scope="module")
def model() -> Animate:
    made = Animate(AnimateModelConfig(pixels=32, widths=(8, 16)))
    made.initialise(0)
    return made


def textured(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def thing(height: int, width: int, x: float = 0.5, y: float = 0.5) -> np.ndarray:
    ys, xs = np.mgrid[:height, :width]
    return (xs / width - x) ** 2 + (ys / height - y) ** 2 < 0.02


def animated(model: Animate, photo: np.ndarray, *masks: np.ndarray, **options: Any) -> np.ndarray:
    given_ = {"frames": 3, "steps": 2, "guidance": 1.0, "ctx": Context(seed=1), **options}
    items = [Item(mask_image(m), "thing") for m in masks]
    return np.asarray(model.generate(Image(photo), items, **given_).pixels)


@pytest.mark.parametrize("size", [(61, 83), (8, 120), (97, 33)])
def test_odd_sizes_come_back_as_they_are_and_the_background_is_locked(
    model: Animate, size: tuple[int, int]
) -> None:
    photo, mask = textured(*size), thing(*size, x=0.2)
    frames = animated(model, photo, mask)
    assert frames.shape == (3, *size, 3) and np.array_equal(frames[0], photo)
    changed = (frames != photo).any((0, -1))
    if size == (61, 83):
        assert changed[mask].mean() > 0.9 and not changed[:, 60:].any()


def test_one_frame_and_no_strength_are_the_photo(model: Animate) -> None:
    photo, mask = textured(40, 60), thing(40, 60)
    assert np.array_equal(animated(model, photo, mask, frames=1), photo[None])
    still = animated(model, photo, mask, strength=(0.0,))
    assert all(np.array_equal(f, photo) for f in still)


def test_several_things_are_drawn_each_in_its_place(model: Animate) -> None:
    photo = textured(60, 90)
    a, b = thing(60, 90, x=0.2), thing(60, 90, x=0.8)
    frames = animated(model, photo, a, b, say=("left", "up"), strength=(2.0, 0.0))
    changed = (frames != photo).any((0, -1))
    assert changed[a].mean() > 0.9 and not changed[b].any()


def test_an_empty_mask_is_named(model: Animate) -> None:
    with pytest.raises(InvalidInput, match="thing is empty"):
        animated(model, textured(40, 60), np.zeros((40, 60), bool))


def test_a_mask_of_everything_is_told(model: Animate) -> None:
    heard = Heard()
    animated(model, textured(40, 60), np.ones((40, 60), bool), ctx=Context(monitor=heard))
    assert any("covers the whole picture" in n for n in heard.notices)


def test_strength_beyond_training_is_told_and_kept_within() -> None:
    made = Animate(AnimateModelConfig(pixels=32, widths=(8, 16)))
    made.initialise(0)
    made.model.speeds.copy_(made.model.speeds.new_tensor([0.5, 2.0]))
    heard, photo, mask = Heard(), textured(64, 64), thing(64, 64)
    wild = animated(made, photo, mask, strength=(30.0,), ctx=Context(seed=1, monitor=heard))
    assert any("beyond training, which saw 1 to 4 pixels" in n for n in heard.notices)
    assert np.array_equal(wild, animated(made, photo, mask, strength=(4.0,)))


def test_no_guidance_costs_half(model: Animate, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, unet = [], model.model.unet
    forward = unet.forward
    monkeypatch.setattr(unet, "forward", lambda *a, **k: (calls.append(1), forward(*a, **k))[1])
    photo, mask = textured(32, 32), thing(32, 32)
    counts = []
    for guidance in (1.0, 2.0):
        calls.clear()
        animated(model, photo, mask, guidance=guidance)
        counts.append(len(calls))
    assert counts == [2, 4]


@given(st.integers(0, 2**31), st.integers(0, 7))
@settings(max_examples=15, deadline=None)
def test_a_composite_does_what_it_says(seed: int, eighth: int) -> None:
    rng = np.random.default_rng(seed)
    ground, part = np.zeros((64, 64, 3), np.float32), np.full((64, 64, 3), 255, np.float32)
    made = composite(part, ground, math.pi / 4 * eighth, 32, 6, rng)
    assert made.prompt == named(made.direction) and made.frames.shape == (6, 32, 32, 3)
    ys, xs = np.mgrid[:32, :32]
    weight = made.frames[..., 0].astype(float)
    inner = weight[:, [0, -1]].max() == 0 and weight[:, :, [0, -1]].max() == 0
    if inner:  # its middle moves as told while it is whole
        x, y = (np.array([(w * c).sum() / w.sum() for w in weight]) for c in (xs, ys))
        expected = (
            made.magnitude * 5 * np.array([math.cos(made.direction), math.sin(made.direction)])
        )
        np.testing.assert_allclose([x[-1] - x[0], y[-1] - y[0]], expected, atol=0.15)
    assert (made.swept >= made.mask).all() and made.swept.sum() >= made.mask.sum()
    moving = np.hypot(made.flow[0, ..., 0], made.flow[0, ..., 1])
    assert np.array_equal(moving > 0, made.mask)
    np.testing.assert_allclose(moving[made.mask], made.magnitude, rtol=1e-4)


def test_composites_are_the_same_every_time_and_go_all_ways() -> None:
    pictures = [textured(64, 64)]
    first, again = (list(composites(pictures, 8, 32, 3)) for _ in range(2))
    assert len({s.prompt for s in first}) == 8
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(first, again, strict=True))
