"""What turns pictures or clips into features, by name; every one names its weights.

``register`` adds one. Without weights: ``randconv2d`` (pictures), ``hof`` and ``randconv3d`` (clips).
With a file of the user's: ``inception`` (FID), ``i3d`` (FVD), ``timm:NAME`` and ``torchvision:NAME``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interleaf.errors import InvalidInput, did_you_mean
from interleaf.weights import find_weights
from interleaf_media.extras import need
from interleaf_media.fidelity import Samples
from interleaf_media.flow import estimate
from interleaf_media.learned import manifest
from interleaf_media.perceptual import color
from interleaf_media.tensors import fill, given_file, label, read_tensors

Kind = Literal["image", "clip"]
Extract = Callable[[Sequence[Samples]], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Extractor:
    """``extract`` takes pictures [H, W, C] or clips [T, H, W, C] (``kind``), a batch of any size, 8 or 16
    bits, and gives features [N, D]. ``own`` says that its distance carries the field's own name."""

    name: str
    kind: Kind
    extract: Extract
    weights: str = "none"
    own: bool = False


Factory = Callable[[str, int], Extractor]  # (path of a weights file or "", seed)
EXTRACTORS: dict[str, Factory] = {}


def register(name: str) -> Callable[[Factory], Factory]:
    """Make a factory known under a name; raises InvalidInput where the name is taken."""

    def known(factory: Factory) -> Factory:
        if name in EXTRACTORS:
            raise InvalidInput(f"an extractor is already called '{name}'")
        EXTRACTORS[name] = factory
        return factory

    return known


def extractor(name: str, path: str = "", seed: int = 0) -> Extractor:
    """The extractor of that name; WeightsMissing without its file, E204 without its package."""
    library, _, model = name.partition(":")
    if model and library in ("timm", "torchvision"):
        return _backbone(library, model, path)
    if name not in EXTRACTORS:
        known = [*EXTRACTORS, "timm:NAME", "torchvision:NAME"]
        raise InvalidInput(f"no extractor is called '{name}'", hint=did_you_mean(name, known))
    return EXTRACTORS[name](path, seed)


@register("hof")
def _hof(path: str, seed: int) -> Extractor:
    return Extractor("hof", "clip", lambda clips: np.stack([flow_histogram(c) for c in clips]))


CELLS, BINS, THIRDS, STILL = 4, 9, 3, 0.25  # px a frame: slower is the ninth bin, no motion


def flow_histogram(clip: Samples) -> NDArray[np.float64]:
    """Motion of a clip [T, H, W, C]: for each of 4×4 cells and three thirds of its time, the shares of
    eight directions and of stillness; 432 numbers. Directions are weighted by the length of motion."""
    if len(clip) < 2:
        raise InvalidInput(f"motion needs two frames, a clip has {len(clip)}")
    out = np.zeros((THIRDS, CELLS, CELLS, BINS))
    height, width = clip.shape[1:3]
    rows = np.minimum(np.arange(height) * CELLS // height, CELLS - 1)[:, None] * CELLS
    cell = rows + np.minimum(np.arange(width) * CELLS // width, CELLS - 1)[None]
    for t, (a, b) in enumerate(itertools.pairwise(clip)):
        flow = estimate(a, b)
        speed = np.hypot(flow[..., 0], flow[..., 1])
        turn = np.round(np.arctan2(flow[..., 1], flow[..., 0]) / (2 * math.pi / 8)).astype(int) % 8
        bins = np.where(speed < STILL, 8, turn)
        weight = np.where(speed < STILL, 1.0, speed)
        third = min(t * THIRDS // (len(clip) - 1), THIRDS - 1)
        counts = np.bincount((cell * BINS + bins).ravel(), weight.ravel(), CELLS * CELLS * BINS)
        out[third] += counts.reshape(CELLS, CELLS, BINS)
    return (out / np.maximum(out.sum(-1, keepdims=True), 1e-12)).ravel()


@register("randconv2d")
def _random_pictures(path: str, seed: int) -> Extractor:
    return Extractor("randconv2d", "image", _random_network(2, seed), f"random:seed={seed}")


@register("randconv3d")
def _random_clips(path: str, seed: int) -> Extractor:
    return Extractor("randconv3d", "clip", _random_network(3, seed), f"random:seed={seed}")


def _random_network(dims: int, seed: int) -> Extract:
    """Three untrained convolutions with stride 2, then mean and deviation of each of 64 channels."""
    torch = need("torch", "torch")
    rng = np.random.default_rng(seed)
    conv = torch.nn.functional.conv2d if dims == 2 else torch.nn.functional.conv3d
    kernels, channels = [], 3
    for width in (32, 64, 64):
        shape = (width, channels, *(3,) * dims)
        scale = math.sqrt(2 / (channels * 3**dims))
        kernels.append(torch.from_numpy(rng.normal(0, scale, shape).astype(np.float32)))
        channels = width

    def extract(batch: Sequence[Samples]) -> NDArray[Any]:
        rows = []
        with torch.inference_mode():
            for item in batch:
                x = _unit(item, dims)[None] * 2 - 1
                for kernel in kernels:
                    x = torch.relu(conv(x, kernel, stride=2, padding=1))
                flat = x.flatten(2)[0]
                rows.append(torch.cat([flat.mean(1), flat.std(1, correction=0)]).double().numpy())
        return np.stack(rows)

    return extract


def _unit(item: Samples, dims: int) -> Any:
    """A picture [3, H, W] or clip [3, T, H, W] as a tensor in 0..1."""
    torch = need("torch", "torch")
    top = float(np.iinfo(item.dtype).max)
    whole = color(item) if dims == 2 else np.stack([color(f) for f in item])
    axes = (2, 0, 1) if dims == 2 else (3, 0, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(whole.transpose(axes), np.float32) / top)


@register("inception")
def _inception(path: str, seed: int) -> Extractor:
    """The network of FID, through torch-fidelity, which resizes as TensorFlow did."""
    weights = manifest()["inception"]
    file = find_weights(weights, path or None)
    module = need("torch_fidelity.feature_extractor_inceptionv3", "fid")
    torch = need("torch", "fid")
    with torch.random.fork_rng(devices=[]):
        network = module.FeatureExtractorInceptionV3("inception", ["2048"], str(file))

    def extract(batch: Sequence[Samples]) -> NDArray[Any]:
        rows = []
        with torch.inference_mode():
            for item in batch:  # pictures may differ in size
                eight = item if item.dtype == np.uint8 else (item // 257).astype(np.uint8)
                x = torch.from_numpy(np.ascontiguousarray(color(eight).transpose(2, 0, 1)))[None]
                rows.append(network(x)[0][0].double().numpy())
        return np.stack(rows)

    return Extractor("inception", "image", extract, weights.label, own=True)


@register("i3d")
def _i3d(path: str, seed: int) -> Extractor:
    """Kinetics-400 I3D logits over 16 frames at 224², as TorchScript."""
    torch = need("torch", "torch")
    weights = manifest()["i3d"]
    network = torch.jit.load(str(find_weights(weights, path or None))).eval()

    def extract(batch: Sequence[Samples]) -> NDArray[Any]:
        rows = []
        with torch.inference_mode():
            for clip in batch:
                if len(clip) < 16:
                    raise InvalidInput(f"FVD looks at 16 frames, a clip has {len(clip)}")
                x = _unit(clip[:16], 3)[None] * 255
                rows.append(
                    network(x, rescale=True, resize=True, return_features=True)[0].double().numpy()
                )
        return np.stack(rows)

    return Extractor("i3d", "clip", extract, weights.label, own=True)


HEADS = ("fc.", "classifier.", "head.", "heads.", "AuxLogits.")


def _backbone(library: str, model: str, path: str) -> Extractor:
    """Pooled features of a timm or torchvision classifier, its weights only from a local file."""
    file = given_file(f"'{library}:{model}'", path)
    torch = need("torch", "torch")
    with torch.random.fork_rng(devices=[]):
        network = _headless(library, model)
    stored = read_tensors(file)
    fill(network, {k: v for k, v in stored.items() if not k.startswith(HEADS)}, file)
    mean, spread = (
        torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )

    def extract(batch: Sequence[Samples]) -> NDArray[Any]:
        rows = []
        with torch.inference_mode():
            for item in batch:
                x = torch.nn.functional.interpolate(
                    _unit(item, 2)[None], (224, 224), mode="bicubic", antialias=True
                )
                rows.append(network((x - mean) / spread)[0].flatten().double().numpy())
        return np.stack(rows)

    return Extractor(f"{library}:{model}", "image", extract, label(model, file))


def _headless(library: str, model: str) -> Any:
    package = need(library if library == "timm" else "torchvision.models", "torch")
    try:
        if library == "timm":
            return package.create_model(model, pretrained=False, num_classes=0).eval()
        network = package.get_model(model, weights=None).eval()
    except (RuntimeError, ValueError, KeyError) as error:
        raise InvalidInput(f"{library} has no model '{model}': {error}") from error
    torch = need("torch", "torch")
    for head in ("fc", "classifier", "head", "heads"):
        if hasattr(network, head):
            setattr(network, head, torch.nn.Identity())
            break
    return network
