"""Conversations as Gemma reads them, as ids: control tokens are put in as ids, never as text.

<bos><start_of_turn>user\\n{text}<end_of_turn>\\n<start_of_turn>model\\n{reply}<end_of_turn>\\n …
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from interleaf.errors import InvalidInput
from interleaf_gemma.tokenizer import END, START, Tokenizer

ROLES = {"user": "user", "model": "model", "assistant": "model", "system": "system"}
Turn = Mapping[str, Any]


class RoleOrder(InvalidInput):
    """A conversation whose turns the template does not allow."""


def conversation(
    turns: Sequence[Turn],
    tokenizer: Tokenizer,
    system: Literal["refuse", "prepend"] = "refuse",
    reply: bool = True,
) -> list[int]:
    """Ids of a conversation; ``reply``: ending where the model is to speak.

    Turns are ``{"role": "user" | "model" | "assistant", "content": text}``, alternating, the user first.
    The template has no system role: it is refused, or put before the first user's text. Raises
    RoleOrder, and InvalidInput for a tokenizer without turns.
    """
    return [i for part, _ in parts(turns, tokenizer, system, reply) for i in part]


def masked(turns: Sequence[Turn], tokenizer: Tokenizer) -> tuple[list[int], list[bool]]:
    """Ids of a conversation, and which of them the model said (its <end_of_turn> included)."""
    found = parts(turns, tokenizer, "prepend", reply=False)
    return [i for part, _ in found for i in part], [own for part, own in found for _ in part]


def parts(
    turns: Sequence[Turn], tokenizer: Tokenizer, system: str = "refuse", reply: bool = True
) -> list[tuple[list[int], bool]]:
    """Runs of ids, and whether the model said them."""
    start, end = tokenizer.id(START), tokenizer.id(END)
    newline = tokenizer.encode("\n", bos=False)
    found: list[tuple[list[int], bool]] = [([tokenizer.bos], False)]
    for role, text in checked(turns, system, reply):
        found.append(([start, *tokenizer.encode(f"{role}\n", bos=False)], False))
        found.append(([*tokenizer.encode(text, bos=False), end], role == "model"))
        found.append((newline, False))
    if reply:
        found.append(([start, *tokenizer.encode("model\n", bos=False)], False))
    return found


def ends(tokenizer: Tokenizer) -> frozenset[int]:
    """The ids that end a reply: <eos> and <end_of_turn>."""
    return frozenset((tokenizer.eos, tokenizer.id(END)))


def checked(turns: Any, system: str = "refuse", reply: bool = True) -> list[tuple[str, str]]:
    """Role and stripped text of every turn; RoleOrder where they do not alternate."""
    if not isinstance(turns, Sequence) or isinstance(turns, str) or not turns:
        raise RoleOrder(
            "a conversation holds at least one turn", hint='[{"role": "user", "content": …}]'
        )
    found = [_turn(n, turn) for n, turn in enumerate(turns)]
    if found[0][0] == "system":
        found = _prepended(found, system)
    for n, (role, _) in enumerate(found):
        if role != ("user", "model")[n % 2]:
            raise RoleOrder(
                f"turn {n + 1} is the {role}'s: expected {('user', 'model')[n % 2]}",
                hint="user and model take turns, and the user begins",
            )
    if reply and found[-1][0] != "user":
        raise RoleOrder("the last turn is the model's, and there is nothing to reply to")
    return found


def _turn(n: int, turn: Turn) -> tuple[str, str]:
    role = turn.get("role") if isinstance(turn, Mapping) else None
    if not isinstance(role, str) or role not in ROLES:
        raise RoleOrder(f"turn {n + 1} has the role {role!r}", hint=f"roles: {', '.join(ROLES)}")
    content = turn.get("content")
    if not isinstance(content, str):
        raise RoleOrder(f"turn {n + 1} holds a {type(content).__name__} as content, expected text")
    return ROLES[role], content.strip()


def _prepended(found: list[tuple[str, str]], system: str) -> list[tuple[str, str]]:
    if system != "prepend":
        raise RoleOrder(
            "Gemma's template has no system role", hint="put it into the first user turn"
        )
    if len(found) < 2 or found[1][0] != "user":
        raise RoleOrder("behind the system's text the user begins")
    return [("user", f"{found[0][1]}\n\n{found[1][1]}"), *found[2:]]
