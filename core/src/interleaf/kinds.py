"""Kinds: nominal names for what flows through ports, and which type fits which port."""

from __future__ import annotations

from collections.abc import Mapping

# The core's own kinds and where their classes live; plugins add ``plugin.kind``.
KINDS: Mapping[str, str] = {
    "image": "interleaf.values:Image",
    "frames": "interleaf.values:Frames",
    "clip": "interleaf.values:Clip",
    "tokens": "interleaf.values:Tokens",
    "audio": "interleaf.values:Audio",
    "motion": "interleaf.values:Motion",
    "mesh": "interleaf.values:Mesh",
    "table": "interleaf.values:Table",
    "text": "builtins:str",
    "chat": "builtins:list",
    "report": "interleaf.interfaces.report:Report",
    "bytes": "interleaf.values:Artifact",
    "model": "interleaf.interfaces.model:ModelHandle",
    "schedule": "interleaf.interfaces.schedule:Schedule",
    "any": "builtins:object",
}


def item_kind(port_type: str) -> str | None:
    """``image`` for ``dataset[image]`` and for ``frames``, None for what is not a collection."""
    if port_type == "frames":
        return "image"
    if port_type.startswith("dataset[") and port_type.endswith("]"):
        return port_type[8:-1]
    return None


def fits(given: str, wanted: str) -> bool:
    """Whether a value of type ``given`` may enter a port of type ``wanted`` as it is.

    ``any`` accepts all and may become anything (checked again at run time); ``frames`` is a
    ``dataset[image]``.
    """
    if given == wanted or "any" in (given, wanted):
        return True
    left, right = item_kind(given), item_kind(wanted)
    return wanted != "frames" and left is not None and right is not None and fits(left, right)


def maps(given: str, wanted: str) -> bool:
    """Whether ``given`` is a dataset whose items fit ``wanted``, so that the call is mapped."""
    inner = item_kind(given)
    return (
        inner is not None
        and (wanted == "frames" or item_kind(wanted) is None)
        and not fits(given, wanted)
        and fits(inner, wanted)
    )


def mapped(port_type: str) -> str:
    """The type of an output when its call is mapped over the items of a dataset."""
    return f"dataset[{port_type}]"
