import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The shared test data, or a visible skip."""
    folder = Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
    if not (folder / "motion").is_dir():
        pytest.skip(f"no test data in {folder} (set INTERLEAF_DATA)")
    return folder
