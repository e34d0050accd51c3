"""A component that cannot be imported without the extra ``heavy``."""

from typing import Any

import a_module_that_nobody_has  # type: ignore[import-not-found]

from interleaf import Model


class X(Model):
    """Gives back its input."""

    def apply(self, x: Any) -> Any:
        """``x`` by way of the missing module."""
        return a_module_that_nobody_has.same(x)
