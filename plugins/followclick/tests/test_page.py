"""The page in a real browser, with real clicks: as it is, letterboxed, and on a dense display."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("playwright")

import uvicorn
from playwright.sync_api import sync_playwright

from interleaf.values import Image
from interleaf_followclick.components import FlowWarp, Segment
from interleaf_followclick.config import FlowWarpConfig
from interleaf_followclick.serving.app import create_app
from interleaf_followclick.serving.studio import Studio
from interleaf_media.writing import encode_png

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
WIDTH, HEIGHT, RADIUS = 240, 120, 22
THING = (170, 60)


def picture() -> bytes:
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    pixels = (
        np.stack([xs // 4, ys, xs // 5], -1) + rng.integers(0, 12, (HEIGHT, WIDTH, 3))
    ).astype(np.uint8)
    pixels[(xs - THING[0]) ** 2 + (ys - THING[1]) ** 2 < RADIUS**2] = (240, 190, 40)
    return encode_png(Image(pixels))


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    studio = Studio(FlowWarp(FlowWarpConfig(motion="rigid")), Segment())
    config = uvicorn.Config(create_app(studio, ["127.0.0.1"]), port=0, log_level="error")
    server, socket = uvicorn.Server(config), config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize(
    ("size", "dense"), [((1200, 700), 1), ((1200, 700), 2), ((900, 1100), 1.5)], ids=str
)
def test_a_click_on_the_thing_marks_it_and_it_moves(
    place: str, browser: Any, tmp_path: Path, size: tuple[int, int], dense: float
) -> None:
    (tmp_path / "photo.png").write_bytes(picture())
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, device_scale_factor=dense, bypass_csp=True
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(place)
    page.set_input_files("#file", tmp_path / "photo.png")
    page.wait_for_function("document.getElementById('said').textContent.startsWith('Click on')")
    box = page.locator("#marks").bounding_box()
    scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
    left = box["x"] + (box["width"] - WIDTH * scale) / 2
    top = box["y"] + (box["height"] - HEIGHT * scale) / 2
    assert left > box["x"] + 1 or top > box["y"] + 1  # it is letterboxed
    page.mouse.click(left + THING[0] * scale, top + THING[1] * scale)
    page.wait_for_function(
        "document.getElementById('said').textContent.includes('% of the picture')"
    )
    assert alpha(page, *THING) > 100 and alpha(page, 20, 20) == 0
    share = float(page.text_content("#said").split("is ")[1].split(" %")[0]) / 100
    assert share == pytest.approx(np.pi * RADIUS**2 / (WIDTH * HEIGHT), rel=0.25)
    page.mouse.click(left + 30 * scale, top + 20 * scale, button="right")
    page.wait_for_function("!document.getElementById('go').disabled")
    page.fill("#say", "left")
    page.fill("#frames", "5")
    page.click("#go")
    page.wait_for_function("document.getElementById('said').textContent === 'Done.'", timeout=60000)
    page.wait_for_function("document.getElementById('video').readyState >= 2", timeout=20000)
    assert page.evaluate("document.getElementById('video').videoWidth") == WIDTH
    with page.expect_download() as download:
        page.click("#gif")
    assert Path(download.value.path()).read_bytes().startswith(b"GIF89a")
    assert not errors
    if os.environ.get("SHOT") and dense == 1:
        page.screenshot(path=os.environ["SHOT"])
    context.close()


def alpha(page: Any, x: int, y: int) -> int:
    """How opaque the marks are at a pixel of the picture."""
    script = f"document.getElementById('marks').getContext('2d').getImageData({x + 9}, {y + 9}, 1, 1).data[3]"
    return int(page.evaluate(script))


def test_what_cannot_be_done_is_told_on_the_page(place: str, browser: Any, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"this is no picture")
    page = browser.new_page(bypass_csp=True)
    page.goto(place)
    page.set_input_files("#file", tmp_path / "no.png")
    page.wait_for_function("document.getElementById('said').className === 'bad'")
    assert "not a picture" in page.text_content("#said")
    (tmp_path / "yes.png").write_bytes(picture())
    page.set_input_files("#file", tmp_path / "yes.png")
    page.wait_for_function("document.getElementById('said').textContent.startsWith('Click on')")
    box = page.locator("#marks").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("!document.getElementById('go').disabled")
    page.fill("#say", "dance")
    page.click("#go")
    page.wait_for_function("document.getElementById('said').className === 'bad'")
    assert "names no movement" in page.text_content("#said")
    page.close()
