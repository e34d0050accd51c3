"""Gemma decoders from scratch (arXiv 2403.08295): load, run, train, convert."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interleaf_gemma.architecture import GemmaConfig
    from interleaf_gemma.model import Gemma
    from interleaf_gemma.tokenizer import Tokenizer

__all__ = ["Gemma", "GemmaConfig", "Tokenizer"]
_PLACES = {"Gemma": "model", "GemmaConfig": "architecture", "Tokenizer": "tokenizer"}


def __getattr__(name: str) -> Any:
    # torch is imported when it is needed: the descriptor beside this file must stay light
    if name not in _PLACES:
        raise AttributeError(f"module 'interleaf_gemma' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"interleaf_gemma.{_PLACES[name]}"), name)
