"""What every component is: a configuration and the work done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np


class Monitor(Protocol):
    """Where long work tells how far it is; a component may call it as often as it likes."""

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """``done`` of ``total`` units are finished; ``info`` holds numbers worth showing."""

    def notice(self, message: str) -> None:
        """Something a user should know and need not act on."""


class Silent:
    """A monitor that shows nothing."""

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """Discard the progress."""

    def notice(self, message: str) -> None:
        """Discard the message."""


@dataclass(kw_only=True)
class Context:
    """What the runner lends to one call.

    ``seed`` 64 bits, fixed by the step's place; ``device`` and ``dtype`` as torch spells them;
    ``threads`` how many the work may use (0: the library's own default); ``scratch`` an empty
    folder deleted afterwards; ``resume`` a folder that survives a killed attempt of the same step.
    """

    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 0
    monitor: Monitor = field(default_factory=Silent)
    scratch: Path | None = None
    resume: Path | None = None

    @cached_property
    def rng(self) -> np.random.Generator:
        """A generator of this call's own, seeded by ``seed``."""
        import numpy as np

        return np.random.default_rng(self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoConfig:
    """The configuration of a component that has no parameters."""


class Component:
    """A configuration and the work done with it.

    ``Config`` is a frozen, slotted, keyword-only dataclass. The constructor only stores it: no
    I/O, no allocation. No component touches the global random state, the working directory,
    thread counts or default dtypes.
    """

    Config: ClassVar[type] = NoConfig
    default_call: ClassVar[str] = ""

    def __init__(self, config: Any = None) -> None:
        self.config: Any = self.Config() if config is None else config

    def __call__(self, **inputs: Any) -> Any:
        """Make the interface's own call: open, apply, table, render or evaluate."""
        return getattr(self, self.default_call)(**inputs)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """Small configurations and inputs for the conformance kit; none by default."""
        return {}
