"""An image as a sum of N two-dimensional Gaussians (GaussianImage, arXiv 2403.08551, section 3).

    C(p) = sum_n c_n exp(-sigma_n),   sigma_n = 1/2 d^T Sigma_n^-1 d,   d = p - mu_n       (eq. 5-7)
    Sigma = L L^T, L = [[l1, 0], [l2, l3]]                                               (eq. 1)
    Sigma = R S S^T R^T                                                                  (eq. 2)

There is no opacity, no depth and no order: opacity is absorbed by the colour c, so that a sum over
the Gaussians in any order gives the picture. A term with exp(-sigma) < 1/255 is dropped; this is
the only cut (`CUTOFF`).

Coordinates are pixels: pixel j of a row is the sample at x = j, so a W pixel wide picture covers
x from -1/2 to W - 1/2.

Suffixes: N Gaussians, H rows, W columns, C channels, P pixels (H * W).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]

CUTOFF = float(np.log(255.0))
"""Largest sigma that is drawn."""

SMALLEST = 1e-6
"""Below this |l1| or |l3|, in pixels, a Gaussian counts as degenerate and is not drawn."""


@dataclass(frozen=True)
class Splats:
    """N Gaussians and the size of the picture they were fitted to.

    mu: [N, 2] centres (x, y) in pixels. chol: [N, 3] Cholesky factors (l1, l2, l3) in pixels.
    color: [N, C] weighted colours, C = 1..4. Shapes that disagree raise ValueError.
    """

    mu: Floats
    chol: Floats
    color: Floats
    height: int
    width: int

    def __post_init__(self) -> None:
        n = len(self.mu)
        if self.mu.shape != (n, 2) or self.chol.shape != (n, 3) or self.color.ndim != 2:
            raise ValueError(
                f"expected mu [N, 2], chol [N, 3] and color [N, C]; "
                f"found {self.mu.shape}, {self.chol.shape} and {self.color.shape}"
            )
        if len(self.color) != n or not 1 <= self.color.shape[1] <= 4:
            raise ValueError(f"expected color [{n}, 1..4]; found {self.color.shape}")
        if self.height < 1 or self.width < 1:
            raise ValueError(f"expected a size of at least 1x1; found {self.width}x{self.height}")

    def __len__(self) -> int:
        return len(self.mu)

    @property
    def channels(self) -> int:
        """C, the number of colour channels."""
        return self.color.shape[1]

    @classmethod
    def from_rotation_scale(
        cls, mu: Floats, scale: Floats, angle: Floats, color: Floats, height: int, width: int
    ) -> Self:
        """Build from scale [N, 2] in pixels and angle [N] in radians (eq. 2)."""
        return cls(mu, cholesky_from_rotation_scale(scale, angle), color, height, width)

    def scaled(self, scale: float) -> Self:
        """The same picture with `scale` times as many pixels a side; pixel edges stay in place."""
        if scale == 1.0:
            return self
        if not (np.isfinite(scale) and scale > 0):
            raise ValueError(f"expected a scale above 0; found {scale}")
        mu = ((self.mu.astype(np.float64) + 0.5) * scale - 0.5).astype(self.mu.dtype)
        chol = (self.chol * scale).astype(self.chol.dtype)
        height, width = (max(1, round(side * scale)) for side in (self.height, self.width))
        return type(self)(mu, chol, self.color, height, width)


def cholesky_from_rotation_scale(scale: Floats, angle: Floats) -> Floats:
    """chol [N, 3] of Sigma = R S S^T R^T (eq. 2) for scale [N, 2] and angle [N] in radians."""
    c, s = np.cos(angle), np.sin(angle)
    v1, v2 = scale[:, 0] ** 2, scale[:, 1] ** 2
    sxx, sxy, syy = c * c * v1 + s * s * v2, c * s * (v1 - v2), s * s * v1 + c * c * v2
    return cholesky_from_covariance(sxx, sxy, syy)


def cholesky_from_covariance(sxx: Floats, sxy: Floats, syy: Floats) -> Floats:
    """chol [N, 3] of the matrices [[sxx, sxy], [sxy, syy]]; NaN where not positive definite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        l1 = np.sqrt(sxx)
        l2 = sxy / l1
        return np.stack([l1, l2, np.sqrt(syy - l2 * l2)], axis=1)


def drawable(splats: Splats) -> NDArray[np.bool_]:
    """[N] which Gaussians take part: finite, and not degenerate."""
    finite = [np.isfinite(a).all(axis=1) for a in (splats.mu, splats.chol, splats.color)]
    solid = (np.abs(splats.chol[:, [0, 2]]) >= SMALLEST).all(axis=1)
    return np.logical_and.reduce([*finite, solid])


def _weights(splats: Splats, n: int, window: tuple[int, int, int, int]) -> tuple[Floats, Floats]:
    """z [2, P] = L^-1 (p - mu) and w [P] = exp(-sigma), zero beyond the cut, of Gaussian n."""
    x, y, w, h = window
    px, py = np.meshgrid(np.arange(x, x + w), np.arange(y, y + h))
    l1, l2, l3 = splats.chol[n].astype(np.float64)
    z1 = (px.ravel() - np.float64(splats.mu[n, 0])) / l1
    z2 = (py.ravel() - np.float64(splats.mu[n, 1]) - l2 * z1) / l3
    sigma = 0.5 * (z1 * z1 + z2 * z2)  # eq. 6
    return np.stack([z1, z2]), np.where(sigma <= CUTOFF, np.exp(-np.minimum(sigma, CUTOFF)), 0.0)


def render_reference(
    splats: Splats, window: tuple[int, int, int, int] | None = None, scale: float = 1.0
) -> NDArray[np.float64]:
    """The picture [h, w, C], unclamped, drawn in float64 from the definition (eq. 7).

    window is (x, y, w, h) in pixels of the scaled picture; None draws it whole.
    """
    splats = splats.scaled(scale)
    window = window or (0, 0, splats.width, splats.height)
    image = np.zeros((window[3] * window[2], splats.channels))
    for n in map(int, np.flatnonzero(drawable(splats))):
        image += _weights(splats, n, window)[1][:, None] * splats.color[n]
    return image.reshape(window[3], window[2], splats.channels)


def gradients_reference(splats: Splats, grad_image: Floats) -> tuple[Floats, Floats, Floats]:
    """(d/dmu [N, 2], d/dchol [N, 3], d/dcolor [N, C]) for grad_image = dLoss/dC [H, W, C].

    With g = dLoss/dC(p), w = exp(-sigma), s = w (g . c), z = L^-1 (p - mu):
    dc = sum_p w g;  dmu = L^-T sum_p s z;  dL = tril(L^-T sum_p s z z^T).
    """
    out = np.zeros((len(splats), 2)), np.zeros((len(splats), 3)), np.zeros(splats.color.shape)
    g = np.asarray(grad_image, np.float64).reshape(-1, splats.channels)
    for n in map(int, np.flatnonzero(drawable(splats))):
        z, w = _weights(splats, n, (0, 0, splats.width, splats.height))
        s = w * (g @ splats.color[n].astype(np.float64))
        l1, l2, l3 = splats.chol[n].astype(np.float64)
        back = np.linalg.inv([[l1, 0.0], [l2, l3]]).T
        grad_l = back @ ((s * z) @ z.T)
        out[0][n] = back @ (z @ s)
        out[1][n] = grad_l[0, 0], grad_l[1, 0], grad_l[1, 1]
        out[2][n] = w @ g
    return out
