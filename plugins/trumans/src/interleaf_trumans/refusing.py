"""What scenes and clips refuse, as errors for a user's eyes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from interleaf.errors import InvalidInput
from interleaf_trumans.scenes.surface import BadScene
from interleaf_trumans.walking.clips import NoClips


@contextmanager
def refused() -> Iterator[None]:
    """Turns BadScene and NoClips into InvalidInput."""
    try:
        yield
    except (BadScene, NoClips) as error:
        raise InvalidInput(error.message, hint=error.hint) from None
