"""Parameters of the components of ``gemma``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from interleaf.params import Ge, Gt, InFile, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderConfig:
    """``weights``: a Hugging Face folder, an official ``.ckpt`` or a ``.gguf`` file; without it and without
    a ``preset``, the small model of the package. ``preset``: begin untrained, with these sizes; the
    other numbers, if not 0, replace the preset's, and ``width`` multiplies its d_model, d_ff and heads.
    ``tokenizer``: a SentencePiece model or its folder (default: the one beside the weights, else the
    package's). ``dtype``: of the weights; empty takes the run's. ``precision``: whether queries and keys
    rotate as in the official code or in transformers."""

    weights: InFile | None = None
    preset: Literal["", "tiny", "2b", "7b"] = ""
    tokenizer: InFile | None = None
    dtype: Literal["", "float32", "bfloat16", "float16"] = ""
    precision: Literal["reference", "hf"] = "reference"
    width: Annotated[float, Gt(0)] = 1.0
    vocab_size: Annotated[int, Ge(0)] = 0
    d_model: Annotated[int, Ge(0)] = 0
    layers: Annotated[int, Ge(0)] = 0
    heads: Annotated[int, Ge(0)] = 0
    kv_heads: Annotated[int, Ge(0)] = 0
    head_dim: Annotated[int, Ge(0)] = 0
    d_ff: Annotated[int, Ge(0)] = 0
    context: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateConfig:
    """``prompt`` (or the input ``text``) is continued by at most ``max_new_tokens`` tokens, until a text in
    ``stop``. ``temperature`` 0 takes the most probable token; else the distribution is cut to ``top_p``,
    then to the ``top_k`` best (0: no cut)."""

    prompt: str = "Once upon a time"
    max_new_tokens: Annotated[int, Ge(1)] = 200
    temperature: Annotated[float, Ge(0)] = 0.8
    top_k: Annotated[int, Ge(0)] = 64
    top_p: Annotated[float, Gt(0), Le(1)] = 0.95
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyConfig:
    """As for ``generate``; ``schema``: a JSON schema that every reply conforms to (empty: none);
    ``system``: what becomes of a system turn, which the template does not have."""

    schema: Mapping[str, Any] = field(default_factory=dict)
    max_new_tokens: Annotated[int, Ge(1)] = 256
    temperature: Annotated[float, Ge(0)] = 0.8
    top_k: Annotated[int, Ge(0)] = 64
    top_p: Annotated[float, Gt(0), Le(1)] = 0.95
    system: Literal["refuse", "prepend"] = "prepend"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsConfig:
    """``path``: a text file, or a folder of ``.txt`` files; documents end at ``separator`` (empty: a file is
    one). ``part``: 18 of 20 documents to train on, one to choose by, one for the last measurement."""

    path: InFile
    separator: str = "<|endoftext|>"
    part: Literal["all", "train", "valid", "test"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsConfig:
    """``window`` tokens are predicted in each; a share ``asked`` of the documents becomes the reply to a
    question made from its own words. ``tokenizer``: a SentencePiece model (default: the package's)."""

    window: Annotated[int, Ge(1)] = 256
    asked: Annotated[float, Ge(0), Le(1)] = 0.0
    tokenizer: InFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PerplexityConfig:
    """Windows of at most ``window`` tokens (0: the model's context), each showing ``overlap`` tokens of the
    one before."""

    window: Annotated[int, Ge(0)] = 0
    overlap: Annotated[int, Ge(0)] = 1
