"""Model: something that is applied to inputs, may be trained, saved, loaded and handed over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from interleaf.interfaces.component import Component, Context
from interleaf.values import Table


class Model(Component):
    """A function with a memory. What it learnt lives in a folder between steps."""

    default_call: ClassVar[str] = "apply"

    def apply(self, *args: Any, **inputs: Any) -> Any:
        """Apply the model to its declared inputs."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write all that ``load`` needs into an existing empty folder; a stateless model, nothing."""

    def load(self, folder: Path) -> None:
        """Read what ``save`` wrote; refuse missing, extra or mis-shaped parts."""


@runtime_checkable
class Trainable(Protocol):
    """Capability ``Trainable``."""

    def fit(self, *args: Any, **inputs: Any) -> Fitted: ...


@runtime_checkable
class Generative(Protocol):
    """Capability ``Generative``."""

    def generate(self, *args: Any, **inputs: Any) -> Any: ...


@runtime_checkable
class Codec(Protocol):
    """Capability ``Codec``: ``decode(encode(x))`` is the reconstruction, bit for bit."""

    def encode(self, *args: Any, **inputs: Any) -> Any: ...

    def decode(self, *args: Any, **inputs: Any) -> Any: ...


@runtime_checkable
class Scored(Protocol):
    """Capability ``Scored``: log-probabilities of given sequences."""

    def logprobs(self, *args: Any, **inputs: Any) -> Any: ...


@runtime_checkable
class Chat(Protocol):
    """Capability ``Chat``: replies to a list of conversations, with usage."""

    def reply(self, *args: Any, **inputs: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """What ``fit`` gives: a trained model and the log of its training."""

    model: Model
    log: Table | None = None


@dataclass(frozen=True, slots=True)
class ModelHandle:
    """How a model travels between steps: a factory and a folder, never a live module.

    ``component`` is ``plugin.name``; ``config`` its configuration as plain data; ``folder`` what
    ``save`` wrote, or None for a model not yet trained; ``digest`` identifies all of it.
    """

    component: str
    config: Any
    folder: Path | None
    digest: str

    def load(self, ctx: Context | None = None) -> Model:
        """The live model; loaded once per (digest, device, dtype) and process."""
        from interleaf.registry.live import live_model

        return live_model(self, ctx or Context())

    def fresh(self) -> Model:
        """A live model that nobody else holds: one to be changed, as training does."""
        from interleaf.registry.live import fresh_model

        return fresh_model(self)
