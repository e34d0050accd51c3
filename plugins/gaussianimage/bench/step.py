"""One fitting step beside the torch formulation: 15×15 patches, index_add, autograd, Adam.

    python plugins/gaussianimage/bench/step.py

A 768×512 picture, N = 10,000. Prints medians in ms and their ratios; needs torch.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from skimage import data, transform

from interleaf_gaussianimage.fitting import Fitting, Rates
from interleaf_gaussianimage.initial import start
from interleaf_gaussianimage.splats import Floats, Splats

HEIGHT, WIDTH, POINTS, PATCH = 512, 768, 10_000, 15


def picture() -> Floats:
    """A photograph at the size of Kodak's, [H, W, 3] in 0..1."""
    return transform.resize(data.coffee(), (HEIGHT, WIDTH), anti_aliasing=True).astype(np.float32)


class Patches:
    """The peer: every Gaussian evaluated on a square patch around its centre."""

    def __init__(self, target: Floats, begin: Splats) -> None:
        self.target = torch.from_numpy(target).reshape(-1, 3)
        names = (begin.mu, begin.chol, begin.color)
        self.mu, self.chol, self.color = (torch.tensor(a, requires_grad=True) for a in names)
        rates = zip((self.mu, self.chol, self.color), Rates(), strict=True)
        self.adam = torch.optim.Adam(
            [{"params": [p], "lr": r} for p, r in rates], betas=(0.9, 0.99)
        )
        side = torch.arange(PATCH) - PATCH // 2
        self.offsets = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)

    def step(self) -> None:
        """Forward, loss, backward, update."""
        pixel = self.mu.detach().round().long()[:, None] + self.offsets  # [N, 225, 2]
        inside = ((pixel >= 0) & (pixel < torch.tensor([WIDTH, HEIGHT]))).all(-1)
        d = pixel - self.mu[:, None]
        l1, l2, l3 = self.chol[:, None].unbind(-1)
        z1 = d[..., 0] / l1
        z2 = (d[..., 1] - l2 * z1) / l3
        weight = torch.exp(-0.5 * (z1 * z1 + z2 * z2)) * inside
        index = (pixel[..., 1] * WIDTH + pixel[..., 0]).clamp(0, HEIGHT * WIDTH - 1)
        values = (weight[..., None] * self.color[:, None]).reshape(-1, 3)
        image = torch.zeros_like(self.target).index_add(0, index.reshape(-1), values)
        loss = (image - self.target).square().mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()


def alternate(works: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Median ms of each, measured turn by turn so that a busy machine disturbs all alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            time.sleep(0.3)  # until the other's worker threads have stopped spinning
            work()
            began = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - began) * 1e3)
    return {name: statistics.median(t) for name, t in times.items()}


def main() -> None:
    """Measure and print."""
    target = picture()
    begin = start(target, POINTS, np.random.default_rng(7))
    peer = Patches(target, begin)

    def torch_step(threads: int) -> Callable[[], None]:
        def work() -> None:
            torch.set_num_threads(threads)
            peer.step()

        return work

    with Fitting(target, begin, threads=1) as one, Fitting(target, begin, threads=2) as two:
        for fitting in (one, two):  # a fit in full swing, not its start
            for _ in range(100):
                fitting.advance()
        ms = alternate(
            {
                "torch, 1 thread": torch_step(1),
                "ours, 1 thread": one.advance,
                "torch, 2 threads": torch_step(2),
                "ours, 2 threads": two.advance,
            },
            21,
        )
    for name, value in ms.items():
        print(f"{name}: {value:.2f} ms a step")
    for threads in ("1 thread", "2 threads"):
        print(f"ratio, {threads}: {ms[f'torch, {threads}'] / ms[f'ours, {threads}']:.1f}×")
    print(f"second thread: {ms['ours, 1 thread'] / ms['ours, 2 threads']:.2f}×")


if __name__ == "__main__":
    main()
