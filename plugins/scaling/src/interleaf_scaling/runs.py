"""Trained models as rows: N, D, loss and error, checked as they are read, and never dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]

# What a column may be called, in the order of preference; compared without regard to case.
KNOWN: Mapping[str, tuple[str, ...]] = {
    "n": ("n_params", "params", "parameters", "n", "model size", "model_size"),
    "d": ("tokens", "n_tokens", "training tokens", "training_tokens", "train_tokens", "d"),
    "loss": ("loss_c4", "loss", "val_loss", "final_loss", "l"),
    "error": ("err_avg17", "error", "err", "downstream_error"),
    "group": ("train_set", "group", "dataset", "data"),
    "name": ("run", "name", "model", "id"),
    "flops": ("flops_6nd", "flops", "c", "compute", "training flop", "training_flop"),
    "weight": ("weight",),
}
NEEDED = ("n", "d", "loss")
FEW_TOKENS, FEW_PARAMS = 1e5, 1e3  # below these a column is in thousands, millions or billions
FAR_FROM_6ND = 3.0


class BadRuns(ValueError):
    """Rows that cannot be used: where, what was expected, and what to do (``hint``)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class Runs:
    """Arrays of one length. ``error`` is NaN where it was not measured; ``notes`` tell what to know."""

    name: tuple[str, ...]
    group: tuple[str, ...]
    n: Floats
    d: Floats
    loss: Floats
    error: Floats
    weight: Floats
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.n)

    @property
    def flops(self) -> Floats:
        """C = 6 N D."""
        return 6.0 * self.n * self.d

    @property
    def multiplier(self) -> Floats:
        """M = D / N."""
        return self.d / self.n

    def where(self, mask: Any) -> Runs:
        """The rows that a mask or a list of places names."""
        places = np.arange(len(self))[mask]
        arrays = {k: getattr(self, k)[places] for k in ("n", "d", "loss", "error", "weight")}
        return replace(
            self,
            name=tuple(self.name[i] for i in places),
            group=tuple(self.group[i] for i in places),
            **arrays,
        )

    def of_group(self, group: str) -> Runs:
        """The rows of one training set, whatever its case; BadRuns with the known ones otherwise."""
        known = dict.fromkeys(self.group)
        if not group:
            if len(known) > 1:
                raise BadRuns(
                    f"the table holds {len(known)} groups: {', '.join(known)}",
                    "choose one: --group NAME",
                )
            return self
        mask = np.array([g.casefold() == group.casefold() for g in self.group])
        if not mask.any():
            raise BadRuns(f"no group '{group}'", f"groups: {', '.join(known)}")
        return self.where(mask)

    def split(self, flops: float) -> tuple[Runs, Runs]:
        """Rows up to and beyond a compute."""
        return self.where(self.flops <= flops), self.where(self.flops > flops)

    @property
    def digest(self) -> str:
        """A digest of what is fitted: N, D, loss, error and weight in order."""
        found = blake2b(digest_size=16)
        for column in (self.n, self.d, self.loss, self.error, self.weight):
            found.update(np.ascontiguousarray(column, dtype="<f8").tobytes())
        return found.hexdigest()


def read_columns(
    columns: Mapping[str, Sequence[Any]],
    names: Mapping[str, str] | None = None,
    source: str = "the table",
    first_row: int = 2,
) -> Runs:
    """Runs of named columns; ``names`` maps ``n d loss error group name flops weight`` to columns.

    ``first_row`` is the number of the first row in messages (2: a file with a header line). Raises
    BadRuns with the file, row and column of the first thing that is wrong.
    """
    chosen = choose_columns(columns, dict(names or {}), source)
    length = len(columns[chosen["n"]])
    if not length:
        raise BadRuns(f"{source} has no rows", "a row for each trained model")

    def numbers(what: str, *, optional: bool = False) -> Floats:
        column = chosen[what]
        return np.array(
            [
                number(cell, source, first_row + i, column, optional=optional)
                for i, cell in enumerate(columns[column])
            ]
        )

    n, d, loss = (numbers(what) for what in NEEDED)
    blank = np.full(length, np.nan)
    error = numbers("error", optional=True) if "error" in chosen else blank
    weight = numbers("weight") if "weight" in chosen else np.ones(length)
    texts = {
        what: tuple(str(v) for v in columns[chosen[what]]) if what in chosen else None
        for what in ("name", "group")
    }
    runs = Runs(
        texts["name"] or tuple(f"row {first_row + i}" for i in range(length)),
        texts["group"] or ("",) * length,
        n, d, loss, error, weight,
    )  # fmt: skip
    _check_units(runs, chosen, source)
    flops = numbers("flops", optional=True) if "flops" in chosen else blank
    notes = [
        f"columns: N = {chosen['n']}, D = {chosen['d']}, loss = {chosen['loss']}"
        + (f", error = {chosen['error']}" if "error" in chosen else ""),
        *_odd_compute(runs, flops),
        *_odd_errors(runs, chosen, source, first_row),
        *_repeated(runs),
    ]
    return replace(runs, notes=tuple(notes))


def choose_columns(
    columns: Mapping[str, Sequence[Any]], names: dict[str, str], source: str
) -> dict[str, str]:
    unknown = set(names) - set(KNOWN)
    if unknown:
        raise BadRuns(
            f"no field '{sorted(unknown)[0]}' can be mapped", f"fields: {', '.join(KNOWN)}"
        )
    cased = {name.strip().casefold(): name for name in columns}
    chosen: dict[str, str] = {}
    for what, usual in KNOWN.items():
        wanted = (names[what],) if what in names else usual
        found = next((cased[w.casefold()] for w in wanted if w.casefold() in cased), None)
        if found is not None:
            chosen[what] = found
        elif what in names or what in NEEDED:
            raise BadRuns(
                f"{source} has no column for {what} ({' or '.join(wanted)})",
                f"name it: --column {what}=COLUMN; columns: {', '.join(list(columns)[:12])}",
            )
    return chosen


def number(cell: Any, source: str, row: int, column: str, *, optional: bool) -> float:
    """A positive finite number; an empty optional cell is NaN."""
    text = "" if cell is None else str(cell).strip()
    if optional and text.casefold() in ("", "nan", "none"):
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        shown = f"'{text[:40]}'" if text else "an empty cell"
        raise BadRuns(
            f"{source}, row {row}, column '{column}': {shown} is no number", "correct the cell"
        ) from None
    if not np.isfinite(value) or value <= 0:
        raise BadRuns(
            f"{source}, row {row}, column '{column}': {text} is not a positive finite number",
            "correct the cell, or remove the row yourself",
        )
    return value


def _check_units(runs: Runs, chosen: Mapping[str, str], source: str) -> None:
    for what, least in (("d", FEW_TOKENS), ("n", FEW_PARAMS)):
        values = getattr(runs, what)
        if np.median(values) < least:
            thing = "tokens" if what == "d" else "parameters"
            raise BadRuns(
                f"{source}, column '{chosen[what]}': a median of {np.median(values):g} {thing} is not "
                "possible; it seems to be in billions or millions",
                f"give plain counts, or scale it: --scale {what}=1e9",
            )


def _odd_compute(runs: Runs, flops: Floats) -> list[str]:
    off = np.abs(np.log(flops / runs.flops)) > np.log(FAR_FROM_6ND)
    if not off.any():
        return []
    return [
        f"compute differs from 6 N D by more than {FAR_FROM_6ND:g} times in {int(off.sum())} rows, "
        f"first {runs.name[int(np.argmax(off))]}: 6 N D is used"
    ]


def _odd_errors(runs: Runs, chosen: Mapping[str, str], source: str, first_row: int) -> list[str]:
    wrong = runs.error > 1
    if wrong.any():
        row = first_row + int(np.argmax(wrong))
        raise BadRuns(
            f"{source}, row {row}, column '{chosen['error']}': an error of "
            f"{runs.error[wrong][0]:g} is above 1",
            "errors are parts of 1: divide percentages by 100",
        )
    return []


def _repeated(runs: Runs) -> list[str]:
    seen: dict[tuple[Any, ...], str] = {}
    pairs = []
    for key, name in zip(zip(runs.group, runs.n, runs.d, strict=True), runs.name, strict=True):
        if key in seen:
            pairs.append(f"{seen[key]} and {name}")
        seen.setdefault(key, name)
    if not pairs:
        return []
    return [
        f"{len(pairs)} rows repeat another's N and D ({pairs[0]}): each counts, as a repeated run would"
    ]
