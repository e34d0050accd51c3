"""SentencePiece vocabularies with Gemma's control tokens at Gemma's ids, trained on one's own text."""

from __future__ import annotations

import io
from collections.abc import Iterable

import sentencepiece

from interleaf.errors import InvalidInput
from interleaf_gemma.tokenizer import END, START

# Ids 4 to 107 of the released vocabulary; 0 to 3 are pad, eos, bos and unk.
NAMED = ["<mask>", "<2mass>", "[@BOS@]", *(f"<unused{n}>" for n in range(99)), START, END]
SMALLEST = 4 + len(NAMED) + 256  # the control tokens, and a piece for every byte


def train(texts: Iterable[str], size: int) -> bytes:
    """A SentencePiece model of ``size`` pieces, as Gemma's is made: BPE, digits apart, all spaces kept, any
    other character as bytes, no space put in front. Equal texts give equal bytes.

    Raises InvalidInput when the texts do not hold so many pieces.
    """
    if size <= SMALLEST:
        raise InvalidInput(f"size = {size}: control tokens and bytes alone are {SMALLEST}")
    out = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(line for text in texts for line in text.splitlines(keepends=True)),
            model_writer=out, vocab_size=size, model_type="bpe", byte_fallback=True, split_digits=True,
            add_dummy_prefix=False, remove_extra_whitespaces=False, normalization_rule_name="identity",
            allow_whitespace_only_pieces=True, user_defined_symbols=NAMED, character_coverage=1.0,
            pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
            max_sentence_length=1 << 20, num_threads=1, minloglevel=2,
        )  # fmt: skip
    except RuntimeError as error:
        reason = str(error).strip().rpartition("] ")[2] or str(error)
        raise InvalidInput(
            f"no vocabulary of {size} pieces comes of these texts: {reason}"
        ) from error
    return out.getvalue()
