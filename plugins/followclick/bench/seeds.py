"""Trainings of followclick/train-small with other seeds, beside the shipped weights: are its figures theirs?

    python plugins/followclick/bench/seeds.py CACHE MODEL…

MODEL: outputs/model of a run; CACHE: a folder that keeps what is found in clips. Needs INTERLEAF_DATA.
Held-out clips and pictures, as in realism.py and followclick/checks. The interval is where one more
training falls with 95 % (Student's t on the MODELs alone), which is what the shipped weights are.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from interleaf.interfaces import Context
from interleaf.intervals import student
from interleaf.pipeline.fingerprint import digest_of_file
from interleaf_followclick.clips import Clips
from interleaf_followclick.components import SHIPPED, FlowWarp
from interleaf_followclick.config import ClipsConfig, FlowWarpConfig, ReportConfig
from interleaf_followclick.drawing import Gaussian, Learned
from interleaf_followclick.evaluating import scores
from interleaf_followclick.evaluating.components import animator, spread_out
from interleaf_followclick.evaluating.obedience import obedience
from interleaf_followclick.evaluating.realism import drawn, judge
from interleaf_followclick.evaluating.scenes import scenes
from interleaf_followclick.fields import statistics
from interleaf_followclick.flowwarp import Draw
from interleaf_followclick.reading import photo_of
from interleaf_followclick.windows import Window
from interleaf_media.reading import read_image
from interleaf_training.model import WEIGHTS

DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
FRESH = ("sam2_blocks", "carphone_pristine", "sintel_demo")
SCORED, RENDERED, DRAWS, SCENES = 50, 14, 3, 2  # windows a clip that are scored, and rendered


def proper(windows: list[Window], draw: Draw) -> tuple[float, float]:
    """Mean energy and variogram score at full flex."""
    found = []
    for i, w in enumerate(windows):
        real = scores.inside(w.field, w.mask)
        fields = [scores.inside(f, w.mask) for f in drawn(w, draw, DRAWS, [0, i])]
        vs = scores.variogram_score(fields, real, np.random.default_rng([0, i, 1]))
        found.append((scores.energy_score(fields, real), vs))
    energy, variogram = np.mean(found, 0)
    return float(energy), float(variogram)


def rendered(windows: list[Window], draw: Draw) -> tuple[float, float]:
    """Fréchet distance and two-sample test of flow measured again."""
    found = np.stack(judge(windows, {"it": draw}, 1)["it"].seen)
    real = np.stack([scores.features(w.field, w.mask, w.speed) for w in windows])
    clips = [w.name for w in windows]
    return scores.frechet(found, real), scores.told_apart(real, found, clips)


def figures(model: FlowWarp, fresh: list[Window], base: tuple[float, float]) -> dict[str, float]:
    """What BENCHMARKS.md says of a model."""
    c = model.config
    draw = Learned(model.motion.eval(), c.steps, c.smooth)
    energy, variogram = proper(spread_out(fresh, SCORED), draw)
    distance, apart = rendered(spread_out(fresh, RENDERED), draw)
    files = sorted((DATA / "images" / "kodak").glob("*.png"))
    made = scenes([photo_of(read_image(f)) for f in files], SCENES, 256, seed=0)
    obeyed = obedience(made, animator(model, ReportConfig(), Context()))
    return {
        "VS over the smoothed Gaussian": variogram / base[1],
        "ES over it": energy / base[0],
        "Fréchet distance": distance,
        "two-sample test": apart,
        "dose": float(np.mean(obeyed.dose)),
        "slope": obeyed.slope,
        "8 directions": float(np.mean(obeyed.eight)),
        "containment": float(np.mean(obeyed.containment)),
    }


def kept(
    folder: str, cache: Path, measure: Callable[[FlowWarp], dict[str, float]]
) -> dict[str, float]:
    """The figures of a folder's weights, measured once."""
    digest = digest_of_file(Path(folder) / WEIGHTS)[:16]
    file = cache / f"figures.{digest}.json"
    if not file.is_file():
        made = measure(FlowWarp(FlowWarpConfig(weights=folder, motion="learned")))
        file.write_text(json.dumps(made))
    return dict(json.loads(file.read_text()))


def main(cache: str, folders: list[str]) -> None:
    """A line for each figure."""
    root = str(DATA / "video")
    seen = Clips(ClipsConfig(root=root, without=(*FRESH, "carphone_distorted"), cache=cache))
    fresh = list(Clips(ClipsConfig(root=root, only=FRESH, cache=cache)))
    known = statistics([w.field for w in seen], [w.mask for w in seen])
    base = proper(spread_out(fresh, SCORED), Gaussian(known))
    rows: list[Mapping[str, float]] = []
    for folder in (str(SHIPPED), *folders):
        rows.append(kept(folder, Path(cache), lambda model: figures(model, fresh, base)))
    if len(rows) < 3:
        return
    for name, shipped in rows[0].items():
        others = [r[name] for r in rows[1:]]
        mean, n = fmean(others), len(others)
        half = student(n - 1) * stdev(others) * sqrt(1 + 1 / n)
        told = "inside" if abs(shipped - mean) <= half + 1e-9 else "outside"
        each = " ".join(f"{v:.3f}" for v in others)
        print(f"{name:32} shipped {shipped:.3f}  others {each}  {mean:.3f} ± {half:.3f}  {told}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
