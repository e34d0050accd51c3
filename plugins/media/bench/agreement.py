"""Every measure against its reference library on 200 random pairs: the largest difference of each.

python plugins/media/bench/agreement.py [PAIRS]
"""

import sys
from collections.abc import Callable

import numpy as np
import piq
import pytorch_msssim
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from interleaf_media import fidelity
from interleaf_media.learned import Lpips
from interleaf_media.measures import METRICS
from interleaf_media.perceptual import tensor

Pair = tuple[np.ndarray, np.ndarray]


def pair(k: int) -> Pair:
    """RGB of 162 to 200 pixels: noise, ramps, flat ground; damaged a little or much."""
    rng = np.random.default_rng(k)
    height, width = rng.integers(162, 200, 2)
    if k % 4 == 0:
        a, b = (rng.integers(0, 256, (height, width, 3)) for _ in "ab")
    else:
        ground = rng.uniform(0, 1) if k % 4 == 1 else np.linspace(0, 1, width)[None, :, None]
        a = np.clip(np.zeros((height, width, 3)) + ground, 0, 1) * 255
        b = np.clip(a + rng.normal(0, 255 * rng.choice([0.01, 0.1, 0.3]), a.shape), 0, 255)
    return a.astype(np.uint8), b.astype(np.uint8)


def wang(a: np.ndarray, b: np.ndarray) -> float:
    return float(
        structural_similarity(
            a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=255,
        )
    )  # fmt: skip


def msssim(a: np.ndarray, b: np.ndarray) -> float:
    """In float64, its window too, whose own rounding would be measured otherwise."""
    x, y = (torch.from_numpy(p.astype(np.float64)).permute(2, 0, 1)[None] for p in (a, b))
    window = torch.from_numpy(fidelity._window())[None, None, None].repeat(3, 1, 1, 1)
    return float(pytorch_msssim.ms_ssim(x, y, data_range=255, win=window))


def through(name: str) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda a, b: float(getattr(piq, name)(tensor(a), tensor(b), data_range=1.0))


def main() -> None:
    torch.set_num_threads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    model = Lpips("squeeze", random=0)
    ways = {
        "mse": (fidelity.mse, lambda a, b: float(mean_squared_error(a, b)), "scikit-image"),
        "psnr": (fidelity.psnr, lambda a, b: peak_signal_noise_ratio(a, b, data_range=255), "scikit-image"),
        "ssim": (fidelity.ssim, wang, "scikit-image"),
        "ms_ssim": (fidelity.ms_ssim, msssim, "pytorch-msssim"),
        **{
            name: (METRICS[name].compute, through({"vif": "vif_p"}.get(name, name)), "piq")
            for name in ("gmsd", "vif", "fsim", "haarpsi", "mdsi", "vsi")
        },
        "lpips (squeeze, untrained)": (
            model.distance,
            lambda a, b: float(model.model(tensor(a), tensor(b), normalize=True)),
            "lpips",
        ),
    }  # fmt: skip
    worst = dict.fromkeys(ways, 0.0)
    with torch.inference_mode():
        for k in range(count):
            a, b = pair(k)
            for name, (ours, theirs, _) in ways.items():
                one, two = ours(a, b), theirs(a, b)
                if np.isfinite(one) or np.isfinite(two):
                    worst[name] = max(worst[name], abs(one - two))
    for name, (_, _, library) in ways.items():
        print(f"{name:<28} {library:<15} {worst[name]:.2g}")


if __name__ == "__main__":
    main()
