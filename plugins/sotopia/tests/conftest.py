"""Where test data lies, and a test server on a thread of its own."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from interleaf_sotopia.serving import TestServer

settings.register_profile("sotopia", deadline=None)
settings.load_profile("sotopia")


@pytest.fixture(scope="session")
def social() -> Path:
    """SOTOPIA's and CaSiNo's files beside the checkout."""
    folder = Path(os.environ.get("INTERLEAF_DATA", "../shared/data")) / "social"
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}: set INTERLEAF_DATA")
    return folder


@pytest.fixture
def serve() -> Iterator[Any]:
    """``serve(fault_rate=0.1)``: a test server, stopped afterwards."""
    stops = []

    def start(**settings: Any) -> TestServer:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        server = TestServer(**settings)
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)

        def stop() -> None:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)

        stops.append(stop)
        return server

    yield start
    for stop in stops:
        stop()
