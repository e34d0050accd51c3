"""Documents show what stands in the assessment, as text, and the same bytes each time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

import interleaf_openrisk
from interleaf_openrisk.documents import (
    BEGIN,
    END,
    LIMITS,
    Block,
    blocks,
    into_card,
    plain,
    to_html,
    to_markdown,
)
from interleaf_openrisk.reading import read_assessment

EXAMPLE = Path(interleaf_openrisk.__file__).with_name("example")
TODAY = date(2026, 6, 1)
HOSTILE = '<script>steal()</script> [x](javascript:a) |a| `b` \\"<img src=x onerror=y>'


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(EXAMPLE, tmp_path / "a"))


def made(folder):
    return blocks(read_assessment(folder / "assessment.yaml"), TODAY)


@pytest.mark.parametrize("write", [to_html, to_markdown])
def test_the_limits_the_decision_and_every_step_are_there(folder, write):
    text = write(made(folder)).replace("\\", "")
    assert all(limit in text for limit in LIMITS) and "Decided for 2026-06-01: pass" in text
    assert text.count("● full") == 6 and "filters keep up" in text and "is safe" in text
    assert write(made(folder)) == write(made(folder))


def test_hostile_text_stays_text(folder):
    file = folder / "assessment.yaml"
    file.write_text(file.read_text().replace("letters written to one person", f'"{HOSTILE}"'))
    page = Tags(to_html(made(folder)))
    assert not {"script", "img", "a", "link"} & set(page.tags)
    assert not [a for a in page.attributes if a.startswith("on")]
    told = to_markdown(made(folder))
    line = next(x for x in told.splitlines() if "steal" in x)
    assert "\\<script\\>" in line and "\\[x\\](javascript:a)" in line and "\\|a\\|" in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [("# no heading", "\\# no heading"), ("- no list", "\\- no list"), ("1. no list", "1\\. no list"),
     ("on 2026-01-02, 3.5 %", "on 2026-01-02, 3.5 %"),
     ("$x_1$ & \\input{a}", "\\$x\\_1\\$ \\& \\\\input\\{a\\}")],
)  # fmt: skip
def test_markdown_escapes_what_it_must_and_nothing_else(text, shown):
    assert to_markdown([Block("paragraph", text)]) == shown + "\n"


def test_characters_that_hide_or_turn_text_are_named():
    assert plain("a\u202eb") == "a‹right-to-left override›b"
    assert plain("one\ntwo\u200b") == "one two‹zero width space›"


def test_a_document_is_readable_without_scripts_or_the_network(folder):
    text = to_html(made(folder))
    page = Tags(text)
    assert page.tags.count("h1") == 1 and "caption" in page.tags and page.tags.count("th") > 10
    assert "http" not in text.replace("http-equiv", "").replace("https://example.org", "")
    assert "default-src 'none'" in text


@pytest.mark.parametrize("to", ["html", "md"])
def test_the_command(folder, to):
    command = [
        sys.executable,
        "-m",
        "interleaf_cli",
        "openrisk",
        "render",
        str(folder / "assessment.yaml"),
    ]
    out = folder / f"out.{to}"
    words = ["--to", to, "--out", str(out), "--today", "2026-06-01"]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    write = to_html if to == "html" else to_markdown
    assert out.read_text() == write(made(folder))
    done = subprocess.run([*command, "--to", "pdf"], capture_output=True, text=True)
    assert done.returncode == 3 and "--to html, md, hfcard, cyclonedx" in done.stderr


@pytest.mark.parametrize("card", [b"", b"# Card\r\n\r\ntext \xff\x00", "# Karte\n\nÄ\n".encode()])
def test_a_card_keeps_every_other_byte_and_is_idempotent(folder, card):
    once = into_card(card, made(folder))
    assert once.startswith(card) and into_card(once, made(folder)) == once
    around = once + b"\nmore\x80"
    text = (folder / "assessment.yaml").read_text()
    (folder / "assessment.yaml").write_text(text.replace("filters keep up", "filters hold"))
    changed = into_card(around, made(folder))
    assert (
        changed.startswith(card) and changed.endswith(b"\nmore\x80") and b"filters hold" in changed
    )
    assert changed.count(BEGIN) == changed.count(END) == 1
    for broken in (once + BEGIN, once.replace(END, b""), END + BEGIN):
        with pytest.raises(ValueError, match="beginnings"):
            into_card(broken, made(folder))
