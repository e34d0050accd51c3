"""Seeds: 64 bits from a root seed and a path, so that no step's seed depends on its neighbours."""

from __future__ import annotations

from hashlib import blake2b


def derive_seed(root: int, path: str) -> int:
    """64 bits of BLAKE2b over ``root`` (decimal) and ``path``, joined by a zero byte."""
    digest = blake2b(f"{root}\0{path}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
