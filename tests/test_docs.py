"""The documentation builds without a warning, every link leads somewhere, nothing is fetched from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[1]
READMES = sorted(ROOT.glob("plugins/*/README.md"))
HEADINGS = [
    "Who uses this on Monday", "What it cannot do", "Run it", "What is measured", "How it works",
]  # fmt: skip
FETCHES = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "video": "src",
    "source": "src",
}


class Page(HTMLParser):
    """What a page fetches, where it links to, and the places in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched, self.links, self.places = list[str](), list[str](), set[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one tag."""
        found = dict(attrs)
        self.places |= {str(v) for k, v in attrs if k in ("id", "name")}
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        if (
            tag in FETCHES
            and found.get(FETCHES[tag])
            and found.get("rel") not in ("canonical", "next", "prev")
        ):
            self.fetched.append(str(found[FETCHES[tag]]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The built pages by file."""
    for needed in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr[-3000:]
    pages = sorted(p for p in folder.rglob("*.html") if p.name != "404.html")
    return {p: Page(p.read_text(encoding="utf-8")) for p in pages}


def test_every_link_leads_somewhere(site: dict[Path, Page]) -> None:
    lost = []
    for file, page in site.items():
        for link in [*page.links, *page.fetched]:
            path, _, place = link.partition("#")
            if "://" in link or link.startswith("data:"):
                continue
            there = (file.parent / unquote(path)).resolve() if path else file
            known = site[there].places if there in site else None
            if not there.exists() or (place and known is not None and unquote(place) not in known):
                lost.append(f"{file.name}: {link}")
    assert not lost, "\n".join(lost[:30])
    assert len(site) >= 35


def test_nothing_is_fetched_from_outside(site: dict[Path, Page]) -> None:
    outside = {
        f"{file.name}: {f}" for file, page in site.items() for f in page.fetched if "//" in f
    }
    assert not outside
    folder = min(site, key=lambda p: len(p.parts)).parent
    styles = [f.read_text(encoding="utf-8") for f in folder.rglob("*.css")]
    assert styles and not any(re.search(r"url\(\s*['\"]?https?:", s) for s in styles)


def test_every_paper_has_its_page_and_its_picture(site: dict[Path, Page]) -> None:
    papers = {f.stem: page for f, page in site.items() if f.parent.name == "papers"}
    assert len(papers) == 10
    bare = [n for n, p in papers.items() if not any("gallery/" in f for f in p.fetched)]
    assert not bare, f"without a picture: {', '.join(bare)}"


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.parent.name)
def test_a_readme_has_the_five_headings_in_order(readme: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", readme.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS


def test_pictures_in_the_repository_are_small() -> None:
    pictures = list((ROOT / "docs" / "gallery").iterdir())
    assert pictures and sum(p.stat().st_size for p in pictures) < 1_500_000
    assert all(p.stat().st_size < 200_000 and p.suffix in (".webp", ".svg") for p in pictures)
