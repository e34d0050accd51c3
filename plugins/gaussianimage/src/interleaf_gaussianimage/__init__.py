"""Images as sums of two-dimensional Gaussians (arXiv 2403.08551).

from interleaf_gaussianimage import fit, encode, decode, GsiError

splats = fit(image, points=10_000)             # an array, a path or an Image
data = encode(image, bpp=0.3)                  # bytes of a .gsi file; begin=splats goes on from a fit
pixels = decode(data)                          # uint8 [H, W, C]
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interleaf_gaussianimage.api import decode, encode, fit
    from interleaf_gaussianimage.format import GsiError

__all__ = ["GsiError", "decode", "encode", "fit"]


def __getattr__(name: str) -> Any:
    """Load what is asked for: compiled code takes a moment to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "GsiError":
        from interleaf_gaussianimage.format import GsiError

        return GsiError
    from interleaf_gaussianimage import api

    return getattr(api, name)
