"""A long caption → a short motion phrase (the paper asks GPT-4; a rule does for plain captions).

"A man in a red coat is walking slowly to the left of the street" → "walking slowly to the left"
"""

from __future__ import annotations

import re

LONGEST = 5  # words of a phrase
ENDS = {
    "in", "on", "at", "of", "with", "and", "while", "over", "under", "near", "through", "across", "by",
    "for", "behind", "around", "along", "into", "from", "during", "as", "his", "her", "its",
}  # fmt: skip
NOUNS = {
    "building", "evening", "morning", "ceiling", "wedding", "ring", "king", "spring", "string", "thing",
    "wing", "clothing", "painting", "during", "something", "nothing", "anything", "everything",
}  # fmt: skip


def reduced(caption: str) -> str:
    """The first verb phrase: from the first word that ends in -ing (or follows is/are) to what it is done
    with or where; the caption itself where there is none."""
    words = re.findall(r"[\w'-]+", caption.lower())
    start = next((i for i, w in enumerate(words) if w.endswith("ing") and w not in NOUNS), None)
    if start is None:
        start = next((i + 1 for i, w in enumerate(words[:-1]) if w in ("is", "are", "to")), None)
    if start is None:
        return " ".join(words[:LONGEST])
    phrase = [words[start]]
    for word in words[start + 1 : start + LONGEST]:
        if word in ENDS:
            break
        phrase.append(word)
    while phrase[-1] in ("the", "a", "an", "to") and len(phrase) > 1:
        phrase.pop()
    return " ".join(phrase)
