"""What a trainable torch model is, and its weights as one safetensors file."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Model, ModelHandle

WEIGHTS = "weights.safetensors"


class TorchModel(Model):
    """A Model around one ``nn.Module``, which :func:`interleaf_training.train` can fit.

    A subclass says how the module is built and what is minimised; it gets ``module``, ``save`` and
    ``load`` from here. Torch stays inside: calls take and give the framework's values.
    """

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._module: nn.Module | None = None

    @abstractmethod
    def build(self) -> nn.Module:
        """A new module with untrained weights, drawn from torch's generator (see ``seeded``)."""

    def objective(self) -> nn.Module:
        """The loss as a module around ``self.module``.

        Its ``forward(*batch, **values)`` returns ``(loss sum, count)``: a scalar tensor summed over
        what was predicted (samples, tokens, pixels) and how many there were. The trainer divides by
        the count over all micro-batches and processes.
        """
        raise NotImplementedError

    def collate(self, items: Sequence[Any]) -> tuple[torch.Tensor, ...]:
        """Items of a dataset as the tensors of one batch, for ``training.fit``."""
        raise NotImplementedError

    @property
    def module(self) -> nn.Module:
        """The live module; weights of seed 0 for a model neither trained nor loaded."""
        if self._module is None:
            self.initialise(0)
        assert self._module is not None
        return self._module

    def initialise(self, seed: int) -> None:
        """Draw untrained weights from ``seed``."""
        with seeded(seed):
            self._module = self.build()

    def save(self, folder: Path) -> None:
        """The weights as ``weights.safetensors``."""
        save_weights(self.module, folder / WEIGHTS)

    def load(self, folder: Path) -> None:
        """What :meth:`save` wrote; CorruptData when anything is missing, extra or mis-shaped."""
        names = {f.name for f in folder.iterdir()}
        if names != {WEIGHTS}:
            raise CorruptData(f"{folder} holds {sorted(names)}", hint=f"expected {WEIGHTS} alone")
        with seeded(0):
            module = self.build()
        load_weights(module, folder / WEIGHTS)
        self._module = module


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's generators start from ``seed`` inside, and are as they were afterwards."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed % 2**63)
        yield


def own_copy(model: ModelHandle | TorchModel, seed: int) -> TorchModel:
    """A model of one's own to train: the weights of a live model or of a handle's folder, or those
    drawn from ``seed`` for a handle without one. InvalidInput for a model that is no TorchModel."""
    if isinstance(model, ModelHandle):
        made = model.fresh()
        if not isinstance(made, TorchModel):
            raise InvalidInput(
                f"{model.component} cannot be trained here: it is no TorchModel",
                hint="see plugins/training/README.md",
            )
        if model.folder is None:
            made.initialise(seed)
        return made
    made = type(model)(model.config)
    made.module.load_state_dict(model.module.state_dict())
    return made


def save_weights(module: nn.Module, file: Path) -> None:
    """Every tensor of ``module.state_dict()`` once; names that share one are noted beside it."""
    kept, shared = _distinct(module.state_dict())
    tensors = {name: t.detach().cpu().contiguous() for name, t in kept.items()}
    save_file(tensors, file, metadata={"shared": json.dumps(shared)})


def load_weights(module: nn.Module, file: Path) -> None:
    """Fill a module from a file, or from the one in a folder that :meth:`TorchModel.save` wrote; CorruptData
    unless all names, shapes and dtypes agree."""
    file = file / WEIGHTS if file.is_dir() else file
    try:
        found = load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise CorruptData(f"{file} cannot be read: {error}", hint="copy it again") from None
    kept, shared = _distinct(module.state_dict())
    wrong = _differences(kept, found)
    if wrong:
        raise CorruptData(
            f"{file} is of another model: {wrong}", hint="use the configuration it was saved with"
        )
    module.load_state_dict({**found, **{name: found[source] for name, source in shared.items()}})


def _distinct(state: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors without repetition, and for each repeated name the first that holds it."""
    kept: dict[str, torch.Tensor] = {}
    shared: dict[str, str] = {}
    first: dict[Any, str] = {}
    for name, tensor in state.items():
        mark = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if tensor.numel() and mark in first:
            shared[name] = first[mark]
        else:
            first[mark] = name
            kept[name] = tensor
    return kept, shared


def _differences(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> str:
    """The first few differences in names and shapes, or nothing."""
    told = [f"{n} is missing" for n in expected.keys() - found.keys()]
    told += [f"{n} is too much" for n in found.keys() - expected.keys()]
    told += [
        f"{n} is {tuple(found[n].shape)} {found[n].dtype}, expected {tuple(t.shape)} {t.dtype}"
        for n, t in expected.items()
        if n in found and (found[n].shape != t.shape or found[n].dtype != t.dtype)
    ]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return "; ".join(sorted(told)[:3]) + more
