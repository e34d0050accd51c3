"""Renderer: makes something to look at or to keep."""

from __future__ import annotations

from typing import Any, ClassVar

from interleaf.interfaces.component import Component


class Renderer(Component):
    """Gives bytes of ``media_type``, an array value, or an iterator of frames."""

    default_call: ClassVar[str] = "render"
    media_type: ClassVar[str] = "application/octet-stream"

    def render(self, *args: Any, **inputs: Any) -> Any:
        """Render the declared inputs; equal inputs give equal bytes."""
        raise NotImplementedError
