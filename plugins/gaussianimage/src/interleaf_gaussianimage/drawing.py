"""Drawing splats: any window, any scale, any number of threads, the same pixels."""

from typing import NamedTuple

import numpy as np

from . import kernels
from .bands import Crew
from .lanes import WIDTH
from .splats import Floats, Splats

Window = tuple[int, int, int, int]


class Canvas(NamedTuple):
    """A picture in the kernels' layout: rows of channels, with spare columns."""

    flat: Floats
    stride: int

    @classmethod
    def zeros(cls, height: int, width: int, channels: int, dtype: np.dtype) -> "Canvas":
        """All zero."""
        stride = width + WIDTH
        return cls(np.zeros(height * channels * stride + WIDTH, dtype), stride)

    def planes(self, height: int, width: int, channels: int) -> Floats:
        """View the pixels as [H, W, C]."""
        rows = self.flat[: height * channels * self.stride].reshape(height, channels, self.stride)
        return rows[:, :, :width].transpose(0, 2, 1)


def render(
    splats: Splats,
    window: Window | None = None,
    scale: float = 1.0,
    threads: int | None = None,
) -> Floats:
    """Draw splats as an image [h, w, C] in the dtype of `splats.chol`, unclamped (eq. 7).

    `scale` draws that many pixels per pixel a side; edges stay in place, values are samples at
    pixel centres. `window` = (x, y, w, h) in pixels of the scaled picture draws a part, equal to
    the crop of the whole. The pixels do not depend on `threads` (None: all processors).
    Raises ValueError for a window without pixels or a scale that is not above 0.
    """
    splats = splats.scaled(scale)
    x, y, width, height = window or (0, 0, splats.width, splats.height)
    if width < 1 or height < 1:
        raise ValueError(f"expected a window of at least 1x1; found {width}x{height}")
    geometry, color = prepared(splats)
    canvas = Canvas.zeros(height, width, splats.channels, geometry.dtype)
    add = kernels.add_rows(splats.channels)
    with Crew(threads) as crew:
        crew.run(
            lambda first, last: add(geometry, color, *canvas, first, last, x, y, width),
            crew.split(row_costs(geometry, y, height)),
        )
    return np.ascontiguousarray(canvas.planes(height, width, splats.channels))


def gradients(
    splats: Splats, grad_image: Floats, threads: int | None = None
) -> tuple[Floats, Floats, Floats]:
    """(d/dmu [N, 2], d/dchol [N, 3], d/dcolor [N, C]) of a loss whose image gradient is [H, W, C]."""
    geometry, color = prepared(splats)
    height, width, channels = splats.height, splats.width, splats.channels
    canvas = Canvas.zeros(height, width, channels, geometry.dtype)
    canvas.planes(height, width, channels)[:] = grad_image
    out = np.zeros((len(splats), 5 + channels), geometry.dtype)
    back = kernels.moments(channels)
    with Crew(threads) as crew:
        crew.run(
            lambda first, last: back(geometry, color, *canvas, height, width, out, first, last),
            crew.split(np.ones(len(splats))),
        )
    return _from_own_frame(splats, out)


def _from_own_frame(splats: Splats, out: Floats) -> tuple[Floats, Floats, Floats]:
    """dmu = L^-T sum s z and dL = tril(L^-T sum s z z^T), zero for what is not drawn."""
    l1, l2, l3 = np.where(out.any(axis=1), splats.chol.T, np.array([[1.0], [0.0], [1.0]]))
    s1, s2, s11, s12, s22 = out.T[:5].astype(np.float64)
    shear = l2 / (l1 * l3)
    mu = np.stack([s1 / l1 - shear * s2, s2 / l3], axis=1)
    chol = np.stack([s11 / l1 - shear * s12, s12 / l3, s22 / l3], axis=1)
    return mu.astype(out.dtype), chol.astype(out.dtype), out[:, 5:]


def prepared(splats: Splats) -> tuple[Floats, Floats]:
    """The kernels' geometry [N, GEOMETRY] and color [N, C], in the dtype of `splats.chol`."""
    dtype = np.float64 if splats.chol.dtype == np.float64 else np.float32
    mu, chol, color = (
        np.ascontiguousarray(a, dtype) for a in (splats.mu, splats.chol, splats.color)
    )
    geometry = np.zeros((len(mu), kernels.GEOMETRY), dtype)
    kernels.prepare(mu, chol, color, geometry, 0, len(mu))
    return geometry, color


def residual(
    canvas: Canvas,
    target: Canvas,
    geometry: Floats,
    color: Floats,
    width: int,
    first: int,
    last: int,
) -> None:
    """canvas = sum of Gaussians - target in rows first..last-1, its spare columns zero."""
    channels = color.shape[1]
    row = channels * canvas.stride
    kernels.begin(canvas.flat, target.flat, first * row, last * row)
    add = kernels.add_rows(channels)
    add(geometry, color, *canvas, first, last, 0, 0, width)
    kernels.clear_spare(*canvas, width, first * channels, last * channels)


def row_costs(geometry: Floats, y0: int, height: int) -> Floats:
    """[H] about how much work each row is: how many Gaussians it meets, and one for itself."""
    drawn = geometry[geometry[:, kernels.ROWS] > 0]
    my, reach = drawn[:, kernels.MY], drawn[:, kernels.ROWS]
    top, bottom = (np.clip(edge - y0, 0, height).astype(int) for edge in (my - reach, my + reach))
    steps = np.bincount(top, minlength=height + 1) - np.bincount(bottom, minlength=height + 1)
    return 1.0 + np.cumsum(steps[:height])
