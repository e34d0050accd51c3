"""The bodies there are, by name."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from interleaf.errors import InvalidInput
from interleaf_body.model import BodyModel

Backend = Literal["auto", "capsule", "anny"]


@lru_cache
def body_model(
    backend: str = "capsule", *, topology: str = "anny", noncommercial: bool = False
) -> BodyModel:
    """``capsule``, ``anny``, or ``auto``: anny where it is installed, else capsule.

    Raises PluginMissing with the install line where anny is asked for and not there.
    """
    from interleaf_body.capsule import Capsule

    if backend == "capsule":
        return Capsule()
    if backend not in ("auto", "anny"):
        raise InvalidInput(f"no body '{backend}'", hint="auto, capsule or anny")
    from interleaf_body.anny_body import Anny, installed

    if backend == "auto" and not installed():
        return Capsule()
    return Anny(topology=topology, noncommercial=noncommercial)
