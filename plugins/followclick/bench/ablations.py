"""The paper's network, tiny, with a part left out in turn: what it learns here, over three seeds.

    python plugins/followclick/bench/ablations.py OUT [SEED]

Trains what is not yet in OUT (a folder for each way and seed; what was stopped goes on) and prints the
table of all that is there: means over seeds, 95 % intervals by Student's t. With SEED that one alone
is trained. Needs INTERLEAF_DATA. Trained on composites and windows of four clips; judged on
composites of Kodak pictures and on the clips held out by name. What is left out is judged by the loss on
held-out samples, the whole also by what it draws. STEPS of training (100) decide the cost.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interleaf.interfaces import Context
from interleaf.intervals import over_seeds
from interleaf.values import Image, Item
from interleaf_followclick.animate.components import Animate, Loss, arrays
from interleaf_followclick.animate.model import FollowClick
from interleaf_followclick.canonical import GRID, Mask
from interleaf_followclick.clips import Clips
from interleaf_followclick.config import AnimateModelConfig, ClipsConfig, SamplesConfig
from interleaf_followclick.evaluating import scores
from interleaf_followclick.evaluating.components import spread_out
from interleaf_followclick.evaluating.obedience import FRAMES, Animator, obedience
from interleaf_followclick.evaluating.realism import RENDERED, enlarged, followed
from interleaf_followclick.evaluating.scenes import scenes
from interleaf_followclick.phrases import opposite
from interleaf_followclick.reading import mask_image, photo_of
from interleaf_followclick.rendering import Pixels
from interleaf_followclick.samples import Sample, Samples
from interleaf_media.reading import read_image
from interleaf_training.config import Recipe
from interleaf_training.model import seeded

DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
HELD_OUT = ("sam2_blocks", "carphone_pristine", "carphone_distorted", "sintel_demo")
SIDE, COMPOSITES = 32, 2000
STEPS_EACH = int(os.environ.get("STEPS", "100"))  # of training
RECIPE = Recipe(steps=STEPS_EACH, batch=4, lr=2e-3, weight_decay=0.01, ema=0.99, log_every=25)
SCENES, WINDOWS, STEPS, GUIDANCE = 1, 14, 8, 1.5  # windows of each clip
WAYS: Mapping[str, Mapping[str, Any]] = {
    "full": {}, "no masking": {"masking": (0.0,)}, "no strength": {"strength": False},
    "no phrase": {"phrase": False},
}  # fmt: skip
SEEDS = (0, 1, 2)
CACHE = os.environ.get("WINDOWS", "")  # a folder that keeps windows found in clips


def config(way: str) -> AnimateModelConfig:
    """The configuration of a way."""
    return replace(AnimateModelConfig(pixels=SIDE), **WAYS[way])


@cache
def data(held_out: bool) -> Samples:
    """Training's samples, or those of the clips it never sees."""
    names = {"only": HELD_OUT[:2] + HELD_OUT[3:]} if held_out else {"without": HELD_OUT}
    count = 100 if held_out else COMPOSITES
    root = str(DATA / "video")
    return Samples(SamplesConfig(root=root, pixels=SIDE, hop=2, composites=count, **names))


def trained(folder: Path, way: str, seed: int) -> tuple[Animate, float]:
    """The model of a folder, trained there if it is not, and CPU seconds spent."""
    model = Animate(config(way))
    if not (folder / "model").is_dir():
        begin = time.process_time()
        ctx = Context(seed=seed, resume=folder / "resume")
        model = model.fit(data(False), recipe=RECIPE, ctx=ctx).model
        (folder / "model").mkdir(parents=True)
        model.save(folder / "model")
        (folder / "seconds").write_text(f"{time.process_time() - begin:.0f}")
    else:
        model.load(folder / "model")
    return model, float((folder / "seconds").read_text())


def animator(model: Animate, seed: int, lock: bool) -> Animator:
    """A model as the checks call it."""

    def animate(photo: Pixels, mask: Mask, say: str, strength: float) -> Pixels:
        made = model.generate(
            Image(photo), [Item(mask_image(mask), "mask")], (say,), (strength,), FRAMES, 8.0, STEPS,
            GUIDANCE, lock, Context(seed=seed),
        )  # fmt: skip
        return np.asarray(made.pixels)

    return animate


def obeyed(animate: Animator, seed: int) -> dict[str, float]:
    """The checks' means on composites of Kodak pictures."""
    files = sorted((DATA / "images" / "kodak").glob("*.png"))
    made = scenes([photo_of(read_image(f)) for f in files], SCENES, 256, seed=seed)
    found = obedience(made, animate)
    rows = (
        "dose",
        "four",
        "eight",
        "phrase_swap",
        "mask_swap",
        "containment",
        "stability",
        "first",
    )
    return {"slope": found.slope, **{n: float(np.mean(getattr(found, n))) for n in rows}}


def held_out_loss(model: Animate) -> dict[str, float]:
    """Error of the network's answer on held-out samples, real and made up, the first frame not masked, at
    fixed noise; and how many times larger it is where another phrase or another sample's strength is
    told. Untrained, the network answers zero."""
    live = model.model.eval()
    live.ratios, live.forget = torch.zeros(1), 0.0
    clips = [s for s in data(True) if s.clip_id != "composite"]
    made = [s for s in data(True) if s.clip_id == "composite"]
    lost = loss_on(live, made)
    nothing = Animate(config("full"))
    nothing.initialise(0)
    nothing.model.codec, nothing.model.deviation = live.codec, live.deviation
    against = [replace(s, prompt=opposite(s.prompt), caption=opposite(s.prompt)) for s in made]
    others = np.random.default_rng(0).permutation([s.magnitude for s in made])
    rushed = [replace(s, magnitude=float(m)) for s, m in zip(made, others, strict=True)]
    return {
        "loss, clips": loss_on(live, clips),
        "loss, composites": lost,
        "untrained, clips": loss_on(nothing.model, clips),
        "untrained, composites": loss_on(nothing.model, made),
        "×, opposite phrase": loss_on(live, against) / lost,
        "×, other strength": loss_on(live, rushed) / lost,
    }


def lifelike(animate: Animator) -> dict[str, float]:
    """Motion measured again on windows of held-out clips, against what happened there."""
    root, fresh = str(DATA / "video"), HELD_OUT[:2] + HELD_OUT[3:]
    windows = spread_out(list(Clips(ClipsConfig(root=root, only=fresh, cache=CACHE))), WINDOWS)
    found, real = [], []
    for w in windows:
        photo, mask, square = enlarged(w)
        made = animate(photo, mask, "right", w.speed * RENDERED / GRID)
        found.append(scores.features(followed(made, square), w.mask, w.speed))
        real.append(scores.features(w.field, w.mask, w.speed))
    a, b = np.stack(found), np.stack(real)
    apart = scores.told_apart(b, a, [w.name for w in windows])
    return {"Fréchet distance": scores.frechet(a, b), "two-sample test": apart}


def loss_on(model: FollowClick, samples: list[Sample]) -> float:
    """Mean over samples."""
    loss = Loss(model, sorted({s.prompt for s in samples}))
    with torch.no_grad(), seeded(0):
        total, count = loss(*(torch.as_tensor(a) for a in arrays(samples, loss.texts)))
    return float(total / count)


def measured(out: Path, way: str, seed: int) -> dict[str, float]:
    """What one training gives, measured once."""
    folder = out / f"{way}-{seed}"
    kept = folder / "measured.json"
    if not kept.is_file():
        model, seconds = trained(folder, way, seed)
        found = held_out_loss(model)
        if way == "full":
            found |= obeyed(animator(model, seed, lock=False), seed)
            locked = animator(model, seed, lock=True)
            found |= {f"{n}, locked": v for n, v in obeyed(locked, seed).items()}
            found |= lifelike(locked) if seed == SEEDS[0] else {}
        kept.write_text(json.dumps(found | {"seconds": seconds}))
    return dict(json.loads(kept.read_text()))


def main(out: Path, seeds: tuple[int, ...]) -> None:
    """Train and measure; print the table of what is there."""
    for s in seeds:
        for w in WAYS:
            measured(out, w, s)
    found = {w: [out / f"{w}-{s}" / "measured.json" for s in SEEDS] for w in WAYS}
    rows = {w: [json.loads(f.read_text()) for f in fs if f.is_file()] for w, fs in found.items()}
    for name in rows["full"][0] if rows["full"] else ():
        print(f"{name:20}", *(told([r[name] for r in rs if name in r]) for rs in rows.values()))
    for name in ("loss, clips", "loss, composites"):
        for w in WAYS:
            if w != "full" and len(rows[w]) == len(rows["full"]):
                more = [a[name] - b[name] for a, b in zip(rows[w], rows["full"], strict=True)]
                print(f"{name}, {w} less full: {told(more)}")


def told(values: list[float]) -> str:
    """Mean and interval."""
    if not values:
        return " " * 26
    mean, ends = over_seeds(values)
    shown = f" [{ends[0]:.3g}, {ends[1]:.3g}]" if ends else ""
    return f"{mean:8.3f}{shown}".ljust(26)


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(int(s) for s in sys.argv[2:]) or SEEDS)
