"""A document as the answer to a question made from its own words, in the chat format.

So that a small model which has read nothing but stories can be asked for one.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from interleaf_gemma.chat import conversation
from interleaf_gemma.tokenizer import Tokenizer

_WORD = re.compile(r"\b[a-z]{4,}\b")
_NAME = re.compile(r"\bnamed ([A-Z][a-z]+)")
_COMMON = frozenset(
    re.findall(
        "[a-z]+",
        """after again always another around asked away back because before came could decided every
        felt found from girl good happy have home into like liked little looked made many more named once
        play played playing said some that their them then there they this time told upon very wanted
        went were what when will with would your""",
    )
)


def asked(text: str, tokenizer: Tokenizer) -> list[int]:
    """Ids of a conversation: a question, and the text as its answer."""
    turns = [{"role": "user", "content": question(text)}, {"role": "model", "content": text}]
    return [*conversation(turns, tokenizer, reply=False), tokenizer.eos]


def question(text: str) -> str:
    """A request that the text answers; equal texts give equal ones."""
    draw = int.from_bytes(blake2b(text.encode(), digest_size=8, person=b"ask").digest(), "big")
    name = _NAME.search(text)
    words = [w for w in dict.fromkeys(_WORD.findall(text)) if w not in _COMMON]
    kind = draw % 4
    if kind == 0 or (kind == 1 and not name) or (kind == 2 and len(words) < 3):
        return "Tell me a story."
    if kind == 1 and name:
        return f"Tell me a story about {name[1]}."
    if kind == 2:
        first = draw // 4 % (len(words) - 2)
        return "Tell me a story with the words {}, {} and {}.".format(*words[first : first + 3])
    opening = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    return f"Tell me a story that begins: {opening}"
