"""Values ↔ a JSON tree and plain files: ``.npy`` for arrays, folders for models, never pickle.

A tree holds JSON scalars and lists as they are; everything else is a mapping with the key ``$``.
Dataclasses are named ``module:Name`` and are only looked up in Interleaf and its plugins.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from interleaf.errors import CorruptData, InterleafError
from interleaf.interfaces.dataset import Dataset
from interleaf.interfaces.model import Model, ModelHandle
from interleaf.registry.discovery import registry

Tree = Any


class _Stream:
    """A file that numpy writes through, so that a full disk keeps its error number."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


class Freezer:
    """Turns values into trees, writing arrays and models into ``folder``.

    ``definition`` says what a live model is made from; ``digest`` becomes part of its identity.
    """

    def __init__(
        self, folder: Path, definition: Mapping[str, Any] | None = None, digest: str = ""
    ) -> None:
        self.folder, self.definition, self.digest, self.count = folder, definition, digest, 0

    def tree(self, value: Any) -> Tree:
        """The tree of one value; raises InterleafError for what cannot be stored."""
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"$": "float", "value": str(value)}
        for kinds, method in self._methods():
            if isinstance(value, kinds):
                return method(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._data(value)
        raise InterleafError(
            f"a value of type {type(value).__module__}.{type(value).__qualname__} cannot be stored",
            hint="components give values of Interleaf, arrays, text, numbers or dataclasses of these",
        )

    def _methods(self) -> list[tuple[Any, Callable[[Any], Tree]]]:
        import numpy as np

        return [
            (np.generic, lambda v: self.tree(v.item())),
            (np.ndarray, self._array),
            (ModelHandle, self._handle),
            (Model, self._model),
            (Dataset, self._collection),
            (bytes, self._bytes),
            (
                Mapping,
                lambda v: {
                    "$": "map",
                    "items": [[self.tree(k), self.tree(x)] for k, x in v.items()],
                },
            ),
            (tuple, lambda v: {"$": "tuple", "items": [self.tree(x) for x in v]}),
            (list, lambda v: [self.tree(x) for x in v]),
            (Fraction, lambda v: {"$": "fraction", "value": str(v)}),
        ]

    def _name(self, suffix: str) -> str:
        self.count += 1
        return f"value.{self.count}{suffix}"

    def _array(self, array: Any) -> Tree:
        import numpy as np

        if array.dtype.hasobject:
            raise InterleafError(
                "an array of Python objects cannot be stored", hint="use a number or text dtype"
            )
        name = self._name(".npy")
        with (self.folder / name).open("wb") as file:
            np.save(_Stream(file), array, allow_pickle=False)
        return {"$": "array", "file": name}

    def _bytes(self, data: bytes) -> Tree:
        name = self._name(".bin")
        (self.folder / name).write_bytes(data)
        return {"$": "bytes", "file": name}

    def _data(self, value: Any) -> Tree:
        cls = type(value)
        fields = {
            f.name: self.tree(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init
        }
        return {"$": "data", "type": f"{cls.__module__}:{cls.__qualname__}", "fields": fields}

    def _handle(self, handle: ModelHandle) -> Tree:
        folder = str(handle.folder) if handle.folder else None
        return {
            "$": "model", "use": handle.component, "with": handle.config,
            "folder": folder, "digest": handle.digest,
        }  # fmt: skip

    def _model(self, model: Model) -> Tree:
        if self.definition is None:
            raise InterleafError(
                "a live model can only leave a step as one of its declared outputs"
            )
        name = self._name(".model")
        (self.folder / name).mkdir()
        model.save(self.folder / name)
        return {
            "$": "model", "use": self.definition["use"], "with": self.definition["with"],
            "inside": name, "digest": self.digest,
        }  # fmt: skip

    def _collection(self, dataset: Dataset) -> Tree:
        ids, values = [], []
        for name, value in dataset.items():
            ids.append(name)
            values.append(self.tree(value))
        return {"$": "collection", "ids": ids, "values": values}


class Thawer:
    """Turns trees back into values, reading files of ``folder`` through ``read``.

    ``fetch`` gives one output of another entry, for items that have entries of their own.
    """

    def __init__(
        self, folder: Path, read: Callable[[str], bytes], fetch: Callable[[str, str], Any]
    ) -> None:
        self.folder, self.read, self.fetch = folder, read, fetch

    def value(self, tree: Tree) -> Any:
        """The value of a tree; raises CorruptData for a tree that no value has."""
        if isinstance(tree, list):
            return [self.value(t) for t in tree]
        if not isinstance(tree, dict):
            return tree
        method = getattr(self, f"_{tree.get('$')}", None)
        if method is None:
            raise CorruptData(f"unknown form '{tree.get('$')}' in a stored value")
        return method(tree)

    def _float(self, tree: Tree) -> float:
        return float(tree["value"])

    def _fraction(self, tree: Tree) -> Fraction:
        return Fraction(tree["value"])

    def _array(self, tree: Tree) -> Any:
        import numpy as np

        return np.load(io.BytesIO(self.read(tree["file"])), allow_pickle=False)

    def _bytes(self, tree: Tree) -> bytes:
        return self.read(tree["file"])

    def _map(self, tree: Tree) -> dict[Any, Any]:
        return {self.value(k): self.value(v) for k, v in tree["items"]}

    def _tuple(self, tree: Tree) -> tuple[Any, ...]:
        return tuple(self.value(t) for t in tree["items"])

    def _data(self, tree: Tree) -> Any:
        cls = known_dataclass(tree["type"])
        return cls(**{name: self.value(t) for name, t in tree["fields"].items()})

    def _model(self, tree: Tree) -> ModelHandle:
        folder = tree.get("folder")
        inside = (
            self.folder / tree["inside"] if "inside" in tree else Path(folder) if folder else None
        )
        return ModelHandle(tree["use"], tree["with"], inside, tree["digest"])

    def _collection(self, tree: Tree) -> Any:
        from interleaf.pipeline.collection import Collection

        values = dict(zip(tree["ids"], tree["values"], strict=True))
        return Collection(tree["ids"], lambda name: self.value(values[name]))

    def _items(self, tree: Tree) -> Any:
        from interleaf.pipeline.collection import Collection

        keys = dict(zip(tree["ids"], tree["keys"], strict=True))
        return Collection(
            tree["ids"], lambda name: self.fetch(keys[name], tree["port"]), tree["digest"]
        )


def known_dataclass(name: str) -> type:
    """The dataclass ``module:Name`` of Interleaf or an installed plugin; else CorruptData."""
    module, _, qualified = name.partition(":")
    if (
        module.partition(".")[0] not in {"interleaf", *registry().records.packages}
        or not qualified.isidentifier()
    ):
        raise CorruptData(f"a stored value has the type {name}, which no installed plugin owns")
    found = getattr(importlib.import_module(module), qualified, None)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise CorruptData(f"a stored value has the type {name}, which is not a dataclass")
    return found


def digest_values(items: Iterable[tuple[str, Any]]) -> str:
    """A digest over ids and contents, independent of paths and processes."""
    import tempfile

    total = blake2b(digest_size=16)
    for name, value in items:
        with tempfile.TemporaryDirectory() as folder:
            tree = Freezer(Path(folder)).tree(value)
            total.update(json.dumps([name, tree], sort_keys=True).encode())
            for file in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
                total.update(blake2b(file.read_bytes(), digest_size=16).digest())
    return total.hexdigest()
