"""Weights of 8 or 4 bits that a module uses as if they were whole: only products and rows are asked of them.

A `Quantised` stands where a weight [R, C] stood; `F.linear` and `F.embedding` find it there. Its numbers
are kept in the panels that the kernels read (`kernels/products.py`), so that nothing is unpacked to decode.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from interleaf_gemma.kernels.packing import pack, unpack
from interleaf_gemma.kernels.products import INT4, INT8, read_rows
from interleaf_gemma.multiplying import quantised_linear, unpacked

Quant = Literal["int8", "int4"]
LAYOUTS: Mapping[Quant, int] = {"int8": INT8, "int4": INT4}
GROUPS: Mapping[Quant, int] = {"int8": 64, "int4": 32}


class Quantised(Tensor):
    """A weight [R, C] as whole numbers times a float16 scale for each group of columns of a row."""

    panels: np.ndarray
    quant: Quant
    group: int

    @staticmethod
    def __new__(
        cls, numbers: np.ndarray, scales: np.ndarray, quant: Quant, group: int, dtype: torch.dtype
    ) -> Self:
        """numbers [R, C] int8 (int4: −8 … 7), scales [R, ⌈C/group⌉] float16; dtype: what it stands for."""
        panels = pack(
            LAYOUTS[quant], np.ascontiguousarray(numbers), np.ascontiguousarray(scales), group
        )
        return cls._of(panels, tuple(numbers.shape), quant, group, dtype)

    @classmethod
    def _of(
        cls,
        panels: np.ndarray,
        shape: tuple[int, ...],
        quant: Quant,
        group: int,
        dtype: torch.dtype,
    ) -> Self:
        made = Tensor._make_wrapper_subclass(cls, shape, dtype=dtype, device="cpu")
        made.panels, made.quant, made.group = panels, quant, group
        return made

    @property
    def layout(self) -> int:
        """The kernels' name of the layout."""
        return LAYOUTS[self.quant]

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers [R, C] int8 and scales [R, groups] float16."""
        return unpack(self.layout, self.panels, (self.shape[0], self.shape[1]), self.group)

    def whole(self) -> Tensor:
        """The weight in its dtype."""
        panels, (rows, columns) = torch.from_numpy(self.panels), self.shape
        found: Tensor = unpacked(panels, self.layout, rows, columns, self.group)
        return found.to(self.dtype)

    @classmethod
    def __torch_function__(
        cls, function: Any, kinds: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        mine = HANDLED.get(function)
        if mine is not None:
            return mine(*args, **(kwargs or {}))
        return super().__torch_function__(function, kinds, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, kinds: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__
        old = args[0]
        if name in ("detach", "alias", "_to_copy") and isinstance(old, Quantised):
            dtype = (kwargs or {}).get("dtype") or old.dtype
            if torch.device((kwargs or {}).get("device") or "cpu").type == "cpu":
                return cls._of(old.panels, tuple(old.shape), old.quant, old.group, dtype)
        raise TypeError(
            f"{name}: a quantised weight can only be multiplied; whole() gives it unpacked"
        )

    def __repr__(self, **_: Any) -> str:
        return f"Quantised({self.quant}, {list(self.shape)}, groups of {self.group})"


def _linear(x: Tensor, weight: Quantised, bias: Tensor | None = None) -> Tensor:
    panels = torch.from_numpy(weight.panels)
    y: Tensor = quantised_linear(x, panels, weight.layout, weight.shape[0], weight.group)
    return y if bias is None else y + bias


def _embedding(ids: Tensor, weight: Quantised, *_: Any, **__: Any) -> Tensor:
    out = np.empty((ids.numel(), weight.shape[1]), np.float32)
    wanted = ids.reshape(-1).numpy()
    if len(wanted) and not 0 <= wanted.min() <= wanted.max() < weight.shape[0]:
        raise IndexError(f"an id is not within 0 to {weight.shape[0] - 1}")
    read_rows(weight.layout, weight.panels.ctypes.data, wanted, weight.group, out)
    return torch.from_numpy(out).to(weight.dtype).reshape(*ids.shape, -1)


HANDLED: Mapping[Callable[..., Any], Callable[..., Any]] = {
    F.linear: _linear,
    F.embedding: _embedding,
}
