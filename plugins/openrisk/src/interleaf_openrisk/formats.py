"""Every document that an assessment can be written as, by name."""

from __future__ import annotations

from datetime import date
from typing import get_args

from interleaf_openrisk.config import Format, Spec
from interleaf_openrisk.cyclonedx import to_cyclonedx
from interleaf_openrisk.documents import blocks, into_card, to_html, to_markdown
from interleaf_openrisk.mapping import Mapped
from interleaf_openrisk.reading import Read, digests

FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA: dict[Format, str] = {
    "html": "text/html", "md": "text/markdown", "hfcard": "text/markdown",
    "cyclonedx": "application/vnd.cyclonedx+json", "sha256": "text/plain",
}  # fmt: skip


def written(
    read: Read,
    today: date,
    to: Format,
    *,
    spec: Spec = "1.6",
    mapped: tuple[Mapped, ...] = (),
    card: bytes = b"",
) -> bytes:
    """The assessment as ``to``, decided for ``today``; ``card`` is the model card that hfcard updates.

    ``sha256`` lists the digest of the assessment and of every local file it rests on, as ``sha256sum -c``
    and signing tools read them. Raises ValueError for a card with half a section or several.
    """
    if to == "sha256":
        return "".join(f"{digest}  {path}\n" for path, digest in digests(read)).encode()
    if to == "cyclonedx":
        return to_cyclonedx(read, today, spec, mapped).encode()
    found = blocks(read, today, mapped)
    if to == "hfcard":
        return into_card(card, found)
    return (to_html(found) if to == "html" else to_markdown(found)).encode()
