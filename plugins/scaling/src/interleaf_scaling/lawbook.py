"""The laws by name: ours, those added in this process, and those that other packages bring."""

from __future__ import annotations

from importlib import metadata

from interleaf_scaling.errorlaws import EXP_DECAY, LINEAR, SIGMOID, ErrorLaw
from interleaf_scaling.laws import CHINCHILLA, KAPLAN, OVERTRAINED, POWER, POWER_IRREDUCIBLE, Law
from interleaf_scaling.runs import BadRuns

GROUP = "interleaf_scaling.laws"  # entry points, each a PowerSum, Curved or ErrorLaw

_loss: dict[str, Law] = {
    law.name: law for law in (OVERTRAINED, CHINCHILLA, KAPLAN, POWER_IRREDUCIBLE, POWER)
}
_error = {law.name: law for law in (EXP_DECAY, SIGMOID, LINEAR)}
_found = False


def add_law(law: Law | ErrorLaw) -> None:
    """Make a law known under its name; BadRuns when the name is taken by another."""
    book: dict[str, Law] | dict[str, ErrorLaw]
    book = _loss if isinstance(law, Law) else _error
    if book.get(law.name, law) is not law:
        raise BadRuns(f"a law named '{law.name}' is known already", "choose another name")
    book[law.name] = law  # type: ignore[assignment]


def _discover() -> None:
    global _found
    if not _found:
        _found = True
        for entry in metadata.entry_points(group=GROUP):
            add_law(entry.load())


def loss_law(name: str) -> Law:
    """The loss law of a name; BadRuns with the known names otherwise."""
    if name not in _loss:
        _discover()
    if name not in _loss:
        raise BadRuns(f"no law '{name}'", f"laws: {', '.join(_loss)}")
    return _loss[name]


def error_law(name: str) -> ErrorLaw:
    """The error law of a name; BadRuns with the known names otherwise."""
    if name not in _error:
        _discover()
    if name not in _error:
        raise BadRuns(f"no error law '{name}'", f"error laws: {', '.join(_error)}")
    return _error[name]


def loss_laws() -> dict[str, Law]:
    """All known loss laws."""
    _discover()
    return dict(_loss)
