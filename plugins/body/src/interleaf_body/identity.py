"""From parameters of components to a body and its expressions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.values import Motion
from interleaf_body.backends import body_model
from interleaf_body.config import BodyConfig
from interleaf_body.model import BakedBody
from interleaf_body.quaternions import Array
from interleaf_body.retarget import onto
from interleaf_body.values import Face


def shape_of(words: tuple[str, ...] | list[str]) -> dict[str, float]:
    """``name=value`` words as numbers; InvalidInput for anything else."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        try:
            found[name] = float(value) if equals else float("x")
        except ValueError:
            raise InvalidInput(
                f"'{word}' is no shape parameter", hint="such as height=0.7"
            ) from None
    return found


def baked(config: BodyConfig, say: Callable[[str], None] | None = None) -> BakedBody:
    """The body that a component's parameters name; kept for the next call of this process."""
    return _baked(config.body, tuple(config.shape), config.noncommercial, config.topology)


@lru_cache(maxsize=8)
def _baked(body: str, shape: tuple[str, ...], noncommercial: bool, topology: str) -> BakedBody:
    model = body_model(body, topology=topology, noncommercial=noncommercial)
    return model.bake(shape_of(shape))


def expressions(body: BakedBody, face: Face | None, frames: int) -> Array | None:
    """Amounts [T, E] of the body's expressions: by name; the last frame is held, names that the body lacks
    are refused. ``mouthClose`` is at most ``jawOpen``: it closes an open jaw, as ARKit defines it."""
    if face is None:
        return None
    names = body.topology.expression_names
    if unknown := [n for n in face.names if n not in names]:
        raise InvalidInput(
            f"the body has no expression '{unknown[0]}'", hint=f"it has {', '.join(names)}"
        )
    if len(face.amounts) == 0 or not np.isfinite(face.amounts).all():
        raise InvalidInput("a face needs frames of finite numbers")
    at = np.minimum(np.arange(frames), len(face.amounts) - 1)
    out = np.zeros((frames, len(names)), np.float32)
    out[:, [names.index(n) for n in face.names]] = np.clip(face.amounts[at], 0, 1)
    if {"mouthClose", "jawOpen"} <= set(names):
        close, jaw = names.index("mouthClose"), names.index("jawOpen")
        out[:, close] = np.minimum(out[:, close], out[:, jaw])
    return out


def placed(config: BodyConfig, motion: Motion) -> tuple[BakedBody, Motion]:
    """The body, and the motion on its skeleton."""
    body = baked(config)
    return body, onto(motion, body)
