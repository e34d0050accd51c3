"""Occupancy boxes beside the gather of the release, and a long session: frames a second, memory, bones.

python plugins/trumans/bench/speed.py SCENE CLIPS      (CPU time of one thread; OMP_NUM_THREADS=1)
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def seconds(work: Callable[[], Any], least: float = 1.0) -> float:
    """CPU seconds of one call: the best of those that fit in ``least`` seconds."""
    work()
    best, begun = 1e9, time.process_time()
    while time.process_time() - begun < least:
        t = time.process_time()
        work()
        best = min(best, time.process_time() - t)
    return best


def gather(cells: Any, origin: Any, voxel: float, places: Any, yaws: Any, box: Any) -> Any:
    """Every point of every box moved and looked up by itself, in torch, as the release does."""
    import torch

    across = torch.linspace(-box.half, box.half, box.n)
    x, z, y = torch.meshgrid(across, across, torch.linspace(0, box.height, box.n), indexing="ij")
    c, s = torch.cos(yaws)[:, None, None, None], torch.sin(yaws)[:, None, None, None]
    wx = places[:, 0, None, None, None] + c * x + s * z
    wz = places[:, 2, None, None, None] + c * z - s * x
    i = torch.stack([wx - origin[0], wz - origin[2], (y - origin[1]).expand_as(wx)], -1) / voxel
    i = i.floor().long()
    top = torch.tensor(cells.shape)
    inside = ((i >= 0) & (i < top)).all(-1)
    i = i.clamp(min=torch.zeros(3, dtype=torch.long), max=top - 1)
    return torch.where(
        inside, cells[i[..., 0], i[..., 1], i[..., 2]], torch.ones((), dtype=torch.uint8)
    )


def occupancy(scene: Any) -> None:
    """Milliseconds a box, both ways."""
    import torch

    from interleaf_trumans.scenes.occupancy import Box, boxes

    torch.set_num_threads(1)
    rng, box = np.random.default_rng(0), Box()
    cells = torch.from_numpy(scene.cells)
    for count in (1, 64, 1000):
        places = np.zeros((count, 3))
        places[:, [0, 2]] = rng.uniform(-4, 4, (count, 2))
        yaws = rng.uniform(-3, 3, count)
        ours = seconds(
            lambda p=places, y=yaws: boxes(scene.cells, scene.origin, scene.voxel, p, y, box)
        )
        told = f"{count:5d} boxes: {ours / count * 1e3:.4f} ms each"
        if count <= 64:
            p, y = torch.from_numpy(places).float(), torch.from_numpy(yaws).float()
            theirs = seconds(lambda p=p, y=y: gather(cells, scene.origin, scene.voxel, p, y, box))
            same = gather(cells, scene.origin, scene.voxel, p, y, box).numpy()
            differ = (
                same != boxes(scene.cells, scene.origin, scene.voxel, places, yaws, box)
            ).mean()
            told += f", gather {theirs / count * 1e3:.3f} ms: {theirs / ours:.0f} x"
            told += f" ({differ:.1e} of points differ)"
        print(told)


def long_session(scene: Any, clips: Path, frames: int = 10_000) -> None:
    """A body that goes from place to place."""
    from interleaf_trumans.judging.components import places
    from interleaf_trumans.judging.measures import bone_drift
    from interleaf_trumans.walking.clips import read_clips
    from interleaf_trumans.walking.matcher import Matcher
    from interleaf_trumans.walking.session import Session

    session = Session(
        scene, Matcher(read_clips(clips, actions=("walk", "jump"))), seed=1, keep=False
    )
    memory, spent, worst = 0, 0.0, 0.0
    while session.frame < frames:
        if session.arrived:
            session.set(goal="anywhere")
        t = time.process_time()
        chunk = session.step(100)
        spent += time.process_time() - t
        worst = max(worst, bone_drift(places(chunk)))
        if session.frame == 1000:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(
        f"{frames} frames: {frames / spent:.0f} a second of CPU, memory grew by {grown:.1f} MB after 1,000, "
        f"bones by {worst * 1e3:.2g} mm"
    )


def main() -> None:
    """Print all figures."""
    from interleaf_trumans.scenes.scene import read_scene

    scene = read_scene(Path(sys.argv[1]))
    occupancy(scene)
    long_session(scene, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
