"""Optical flow between two pictures: DIS and Farnebäck through OpenCV, RAFT through torchvision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from interleaf_media.extras import need
from interleaf_media.fidelity import Samples, luma, peak
from interleaf_media.measures import backend_name
from interleaf_media.perceptual import tensor
from interleaf_media.streams import Mask
from interleaf_media.tensors import fill, given_file, label, read_tensors

Flow = NDArray[np.float32]  # [H, W, 2]: x to the right, y down, pixels a frame
Method = Literal["dis", "farneback", "raft"]
Estimate = Callable[[Samples, Samples], Flow]

TINY, UP = 64, 4  # DIS misreads motion on smaller frames, so these are enlarged first
AGREE = 1.0  # px between a flow and the way back
RAFT_SIDE, RAFT_STEP = 128, 8  # sides that RAFT can look at: at least, and a multiple of


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """``flow`` of two pictures [H, W, C]: what carries the first to the second."""

    name: str
    flow: Estimate
    backend: str
    weights: str = "none"

    @property
    def untrained(self) -> bool:
        """Whether its numbers may only be called ``…@random``."""
        return self.weights.startswith("random:")


@lru_cache(maxsize=4)
def estimator(method: Method = "dis", path: str = "", random: int | None = None) -> Estimator:
    """The estimator of that name. RAFT needs the ``path`` of torchvision's raft_small, or the seed of an
    untrained one; raises WeightsMissing without either, E204 without the package."""
    if method == "raft":
        return _raft(path, random)
    backend = backend_name("opencv-python-headless")
    if method == "farneback":
        return Estimator(
            name="farneback", flow=lambda a, b: estimate(a, b, "farneback"), backend=backend
        )
    return Estimator(name="dis:medium", flow=estimate, backend=backend)


def estimate(first: Samples, second: Samples, method: Literal["dis", "farneback"] = "dis") -> Flow:
    """The flow that carries ``first`` [H, W, C] to ``second``, by DIS (medium) or Farnebäck."""
    cv2 = need("cv2", "flow")
    one, two = (_grey(p) for p in (first, second))
    height, width = one.shape
    small = min(height, width) < TINY
    if small:
        one, two = (
            cv2.resize(p, (width * UP, height * UP), interpolation=cv2.INTER_CUBIC)
            for p in (one, two)
        )
    if method == "dis":
        flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(one, two, None)
    else:
        flow = cv2.calcOpticalFlowFarneback(one, two, None, 0.5, 5, 15, 3, 5, 1.2, 0)
    if small:
        flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) / UP
    return np.asarray(flow, np.float32)


def _grey(picture: Samples) -> NDArray[np.uint8]:
    grey = luma(picture)[..., 0]
    return np.ascontiguousarray(grey if grey.dtype == np.uint8 else (grey // 257).astype(np.uint8))


def _raft(path: str, random: int | None) -> Estimator:
    """RAFT small (Teed and Deng 2020), the last of its twelve refinements."""
    torch, models = need("torch", "torch"), need("torchvision.models.optical_flow", "torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random or 0)
        network = models.raft_small(weights=None).eval()
    weights = f"random:seed={random}"
    if random is None:
        file = given_file("RAFT", path)
        fill(network, read_tensors(file), file)
        weights = label("raft_small", file)

    def flow(first: Samples, second: Samples) -> Flow:
        height, width = first.shape[:2]
        below, right = (max(RAFT_SIDE - n, -n % RAFT_STEP) for n in (height, width))
        with torch.inference_mode():
            pair = [
                torch.nn.functional.pad(tensor(p) * 2 - 1, (0, right, 0, below), mode="replicate")
                for p in (first, second)
            ]
            found = network(*pair)[-1][0, :, :height, :width]
        return np.ascontiguousarray(found.permute(1, 2, 0).numpy())

    backend = backend_name("torchvision")
    return Estimator(name="raft:small", flow=flow, backend=backend, weights=weights)


def warp(picture: Samples, flow: Flow) -> NDArray[np.float32]:
    """``picture`` seen through a flow: out[p] = picture[p + flow[p]], bilinear, edges repeated."""
    cv2 = need("cv2", "flow")
    ys, xs = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    source = picture.astype(np.float32)
    out = cv2.remap(
        source,
        xs + flow[..., 0],
        ys + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(out).reshape(picture.shape)


def trusted(forward: Flow, backward: Flow) -> Mask:
    """Where following the flow and coming back ends within 1 px, and inside the picture."""
    height, width = forward.shape[:2]
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    x, y = xs + forward[..., 0], ys + forward[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    back = forward + warp(backward, forward)
    return inside & (np.hypot(back[..., 0], back[..., 1]) < AGREE)


def warp_error(first: Samples, second: Samples, flow: Estimate = estimate) -> float | None:
    """Mean absolute difference (0..1) of ``first`` and ``second`` warped back to it, where flows agree."""
    forward, backward = flow(first, second), flow(second, first)
    where = trusted(forward, backward)
    if not where.any():
        return None
    difference = np.abs(warp(second, forward) - first.astype(np.float32))[where]
    return float(difference.mean(dtype=np.float64) / peak(first))
