"""LPIPS (Zhang et al. 2018) through the `lpips` package, its trunk only from a file of the user's.

The package ships its small linear heads; the trunk is torchvision's and is found by name, size and
sha256 (`interleaf.weights`). A random trunk can be asked for, to try things out; what it gives is
called ``lpips@random`` and is no LPIPS.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from interleaf.errors import CorruptData
from interleaf.weights import Weights, find_weights, read_weights
from interleaf_media.extras import need
from interleaf_media.fidelity import Samples
from interleaf_media.measures import Metric
from interleaf_media.perceptual import tensor
from interleaf_media.tensors import read_tensors

Net = Literal["alex", "squeeze", "vgg"]
TRUNKS = {"alex": "alexnet", "squeeze": "squeezenet1_1", "vgg": "vgg16"}
SMALLEST = {"alex": 32, "squeeze": 16, "vgg": 32}


@lru_cache
def manifest() -> dict[str, Weights]:
    """The entries of ``weights.toml``."""
    return read_weights(Path(str(files("interleaf_media"))) / "weights.toml")


class Lpips:
    """Distances between pictures; features of a picture may be kept and used again."""

    def __init__(self, net: Net, path: str = "", random: int | None = None) -> None:
        """``random`` is the seed of an untrained trunk; without it the trunk's file must be here."""
        trunk = manifest()[TRUNKS[net]]
        file = None if random is not None else find_weights(trunk, path or None)
        self.weights = f"random:seed={random}" if random is not None else trunk.label
        self.model = _graph(net, random or 0)
        if file is not None:
            load_trunk(self.model.net, file)

    def features(self, pictures: Sequence[Samples]) -> list[Any]:
        """Unit-length features of pictures of one size, a tensor [N, C, h, w] for each layer."""
        torch, lpips = need("torch", "torch"), need("lpips", "torch")
        with torch.inference_mode():
            batch = torch.cat([tensor(p) for p in pictures]) * 2 - 1
            outs = self.model.net(self.model.scaling_layer(batch))
            return [lpips.normalize_tensor(o) for o in outs]

    def between(self, left: Sequence[Any], right: Sequence[Any]) -> list[float]:
        """Distances of two sets of features, picture by picture; a single right one serves all."""
        torch = need("torch", "torch")
        with torch.inference_mode():
            parts = [
                head((a - b) ** 2).mean((1, 2, 3))
                for head, a, b in zip(self.model.lins, left, right, strict=True)
            ]
            return [float(d) for d in torch.stack(parts).sum(0)]

    def distance(self, a: Samples, b: Samples) -> float:
        """LPIPS of two pictures of one size."""
        return self.between(self.features([a]), self.features([b]))[0]


def _graph(net: Net, seed: int) -> Any:
    """The package's network with its own heads and an untrained trunk; global state stays as it was."""
    torch, lpips = need("torch", "torch"), need("lpips", "torch")
    need("torchvision", "torch")
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torchvision's renamed arguments
        torch.manual_seed(seed)
        return lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval()


def load_trunk(trunk: Any, file: Path) -> None:
    """Fill a trunk from torchvision's file; refuses one whose tensors are not exactly those needed."""
    stored = read_tensors(file)
    wanted = trunk.state_dict()
    sources = {k: re.sub(r"^slice\d+\.", "features.", k) for k in wanted}
    wrong = [s for k, s in sources.items() if s not in stored or stored[s].shape != wanted[k].shape]
    if wrong:
        raise CorruptData(
            f"{file}: lacks {wrong[0]}" + (f" and {len(wrong) - 1} more" if wrong[1:] else "")
        )
    trunk.load_state_dict({k: stored[s] for k, s in sources.items()})


@lru_cache(maxsize=4)
def load_lpips(net: Net, path: str = "", random: int | None = None) -> Lpips:
    """The same, made once per process."""
    return Lpips(net, path, random)


def lpips_metric(net: Net = "alex", path: str = "", random: int | None = None) -> Metric:
    """LPIPS as a measure; named ``lpips@random`` when its trunk is untrained. Raises WeightsMissing."""
    model = load_lpips(net, path, random)
    return Metric(
        name="lpips" if random is None else "lpips@random", compute=model.distance, direction="down",
        smallest=SMALLEST[net], backend="lpips", weights=model.weights, more={"net": net},
    )  # fmt: skip


def pic(first: Samples, frames: Sequence[Samples], model: Lpips, batch: int = 8) -> list[float]:
    """1 − LPIPS(I, x_i) for each frame: how much of the first picture stays. I is looked at once."""
    kept = model.features([first])
    found: list[float] = []
    for at in range(0, len(frames), batch):
        found += [1 - d for d in model.between(model.features(frames[at : at + batch]), kept)]
    return found
