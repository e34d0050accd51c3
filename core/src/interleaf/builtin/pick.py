"""``core.pick``: one item of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from interleaf.builtin.config import PickConfig
from interleaf.errors import InvalidInput
from interleaf.interfaces.dataset import Dataset
from interleaf.interfaces.model import Model


class Pick(Model):
    """The item with an id, or at a place: what follows is called once, not for every item."""

    Config = PickConfig

    def apply(self, data: Dataset) -> Any:
        """The item as it is; InvalidInput where there is none."""
        c: PickConfig = self.config
        if c.id:
            for name, item in data.items():
                if name == c.id:
                    return item
            known = ", ".join(islice(data.ids(), 8))
            raise InvalidInput(f"no item '{c.id}'", hint=f"the first ids are: {known}")
        for item in islice(data, c.index, c.index + 1):
            return item
        raise InvalidInput(f"no item {c.index} in the dataset", hint="numbers start at 0")

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf.values import Table

        data = Collection.of({name: Table({"n": [i]}) for i, name in enumerate("ab")})
        configs = [PickConfig(), PickConfig(index=1), PickConfig(id="b")]
        return {"configs": configs, "calls": {"apply": [{"data": data}]}}
