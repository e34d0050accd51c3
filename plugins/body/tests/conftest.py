"""Where test data lies."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("body", deadline=None)  # a busy machine is no failure
settings.load_profile("body")
DATA = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))


@pytest.fixture
def needed() -> Callable[..., Path]:
    """A folder of the test data; skips, visibly, where it is absent."""

    def find(*parts: str) -> Path:
        path = DATA.joinpath(*parts)
        if not path.exists():
            pytest.skip(f"test data is absent: {path}")
        return path

    return find
