"""SSIM, MS-SSIM and LPIPS beside their peers, turn by turn, one thread: CPU time, medians.

python plugins/media/bench/speed.py
"""

import statistics
import time
from collections.abc import Callable, Mapping

import kornia
import numpy as np
import piq
import pytorch_msssim
import torch
import torchmetrics.functional.image as torchmetrics
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import interleaf
from interleaf_media import fidelity
from interleaf_media.learned import Lpips
from interleaf_media.perceptual import tensor

ROUNDS = 11


def medians(ways: Mapping[str, Callable[[], float]]) -> dict[str, tuple[float, float]]:
    """Milliseconds of CPU time, and the value, of each way; all in turn, so that noise is shared."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    values = {name: way() for name, way in ways.items()}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            way()
            times[name].append(1000 * (time.process_time() - began))
    return {name: (statistics.median(t), values[name]) for name, t in times.items()}


def wang(a: np.ndarray, b: np.ndarray) -> float:
    return float(
        structural_similarity(
            a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=255,
        )
    )  # fmt: skip


def without_numba(function: Callable[[], float]) -> Callable[[], float]:
    def run() -> float:
        kept, fidelity.COMPILED = fidelity.COMPILED, False
        try:
            return function()
        finally:
            fidelity.COMPILED = kept

    return run


def table(title: str, found: Mapping[str, tuple[float, float]], ours: str) -> None:
    print(f"\n{title}")
    for name, (ms, value) in found.items():
        print(f"  {name:<34} {ms:>9.2f} ms  × ours {ms / found[ours][0]:>6.2f}   {value:.7f}")


def main() -> None:
    torch.set_num_threads(1)
    picture = next(iter(interleaf.load("media.sample", name="astronaut").open())).pixels
    for height, width in ((256, 256), (512, 512), (1080, 1920)):
        at_size(picture, height, width)
    lpips(picture)


def at_size(picture: np.ndarray, height: int, width: int) -> None:
    a = np.resize(picture, (height, width, 3)) if height > 512 else picture[:height, :width]
    a = np.ascontiguousarray(a)
    b = np.clip(a + np.random.default_rng(0).normal(0, 12, a.shape), 0, 255).astype(np.uint8)
    x, y = tensor(a), tensor(b)
    size = f"{width}×{height}"
    ways = {
        "ours (numba)": lambda: fidelity.ssim(a, b),
        "ours (NumPy)": without_numba(lambda: fidelity.ssim(a, b)),
        "scikit-image": lambda: wang(a, b),
        "kornia": lambda: float(kornia.metrics.ssim(x, y, 11).mean()),
        "torchmetrics": lambda: float(
            torchmetrics.structural_similarity_index_measure(x, y, data_range=1.0)
        ),
        "piq": lambda: float(piq.ssim(x, y, data_range=1.0, downsample=False)),
        "pytorch-msssim": lambda: float(pytorch_msssim.ssim(x, y, data_range=1.0)),
    }  # fmt: skip
    table(f"SSIM {size}", medians(ways), "ours (numba)")
    many = {
        "ours (numba)": lambda: fidelity.ms_ssim(a, b),
        "ours (NumPy)": without_numba(lambda: fidelity.ms_ssim(a, b)),
        "pytorch-msssim": lambda: float(pytorch_msssim.ms_ssim(x, y, data_range=1.0)),
        "torchmetrics": lambda: float(
            torchmetrics.multiscale_structural_similarity_index_measure(x, y, data_range=1.0)
        ),
        "piq": lambda: float(piq.multi_scale_ssim(x, y, data_range=1.0)),
    }
    table(f"MS-SSIM {size}", medians(many), "ours (numba)")
    signal = {
        "ours (numba)": lambda: fidelity.psnr(a, b),
        "ours (NumPy)": without_numba(lambda: fidelity.psnr(a, b)),
        "scikit-image": lambda: float(peak_signal_noise_ratio(a, b, data_range=255)),
    }
    table(f"PSNR {size}", medians(signal), "ours (numba)")


def lpips(picture: np.ndarray) -> None:
    """24 frames against one picture, which is looked at once, and against the package frame by frame."""
    model = Lpips("squeeze", random=0)
    rng = np.random.default_rng(0)
    frames = [np.clip(picture[:256, :256] + rng.normal(0, s, (256, 256, 3)), 0, 255).astype(np.uint8)
              for s in range(2, 26)]  # fmt: skip
    first = np.ascontiguousarray(picture[:256, :256])
    kept = model.features([first])

    def ours() -> float:
        parts = (frames[i : i + 8] for i in range(0, len(frames), 8))
        return float(np.mean([d for p in parts for d in model.between(model.features(p), kept)]))

    def theirs() -> float:
        x = tensor(first)
        return float(np.mean([float(model.model(tensor(f), x, normalize=True)) for f in frames]))

    with torch.inference_mode():
        found = medians({"ours, reference kept": ours, "lpips, frame by frame": theirs})
    table("LPIPS squeeze, 24 frames of 256×256", found, "ours, reference kept")


if __name__ == "__main__":
    main()
