"""The mark-up of SOTOPIA's scenario and goal texts: who may read which part.

``<extra_info>``, ``<clarification_hint>`` and ``<strategy_hint>`` are for the goal's owner;
``<p viewer="agent_0">`` or ``viewer="environment"`` for that viewer alone. Nothing else is mark-up:
an ``&`` or a ``<`` in the prose stays what it is, so the texts need not be XML. Only scenario texts
are read this way, never what an agent says.
"""

from __future__ import annotations

import re

HINTS = frozenset(("extra_info", "clarification_hint", "strategy_hint"))
ENVIRONMENT = "environment"
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>extra_info|clarification_hint|strategy_hint|p)"
    r"(?:\s+viewer\s*=\s*(?:\"(?P<a>[^\"<>]*)\"|'(?P<b>[^'<>]*)'))?\s*>"
)
_VIEWER = re.compile(r"agent_\d+|environment")


def visible(text: str, viewer: str, owner: str = "") -> str:
    """What ``viewer`` (``agent_0``, ``agent_1``, … or ``environment``) reads of a text.

    ``owner`` is whose goal it is; hints are for the owner and the environment. ValueError for a tag
    that is not closed, closed without being open, or has a viewer that is none.
    """
    shown: list[str] = []
    open_tags: list[tuple[str, bool]] = []
    place = 0
    for tag in _TAG.finditer(text):
        if all(seen for _, seen in open_tags):
            shown.append(text[place : tag.start()])
        place = tag.end()
        if tag["end"]:
            if not open_tags or open_tags[-1][0] != tag["name"]:
                raise ValueError(f"</{tag['name']}> closes nothing, at character {tag.start()}")
            open_tags.pop()
        else:
            open_tags.append((tag["name"], _may_see(tag, viewer, owner)))
    if open_tags:
        raise ValueError(f"<{open_tags[-1][0]}> is not closed")
    return _tidy("".join(shown) + text[place:])


def _may_see(tag: re.Match[str], viewer: str, owner: str) -> bool:
    if tag["name"] in HINTS:
        return viewer in (owner, ENVIRONMENT) or not owner
    wanted = tag["a"] or tag["b"] or ""
    if not _VIEWER.fullmatch(wanted):
        raise ValueError(f'<p> has the viewer "{wanted}": expected agent_0, agent_1 or environment')
    return viewer in (wanted, ENVIRONMENT)


def _tidy(text: str) -> str:
    """Without the parentheses that stood around a part, and without doubled blanks."""
    return re.sub(r"[ \t]{2,}", " ", re.sub(r"\(\s*\)", "", text)).strip()
