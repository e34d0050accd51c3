"""The numbers that a file keeps of a Gaussian, and the Gaussian they stand for.

A Gaussian is coded as amplitudes a = c sqrt(l1 l3) in the picture's own colour axes, sizes log l1 and log l3,
a shear v = l2 / l3, and a centre. In these an error of equal size costs about the same, whatever the
Gaussian's shape; the energy of a Gaussian is pi |a|^2, so that a strong one is kept more exactly:

    q = round(a / Delta)                      amplitudes, integers [C]
    k = round(log2 |q|), 0 .. 7               class; known before the rest is read
    log l1, log l3: multiples of SIZE 2^-k    v: multiples of SHEAR 2^-k
    x, y: multiples of a power of two near SIZE 2^-k l1 / sqrt(1 + v^2) and SIZE 2^-k l3, 1/8 .. 8 px

Classes and the steps of centres come from integers alone, so that every machine reads the same file alike.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

import math

import numpy as np

from .kernels import compiled, prepare

SIZE, SHEAR = 1.41, 2.0  # steps of class 0: natural logarithm, and l2 / l3
CLASSES = 8
FINEST, COARSEST = -3, 3  # powers of two: 1/8 to 8 px
LARGEST_SIZE, LARGEST_SHEAR = 7.0, 12.0  # |log l|, |v|
LARGEST = (
    15 + (1 << 12) - 1
)  # |value| that a stream can tell: amplitudes, and changes of the background
SMALLEST_LOG = math.log(0.3)  # px; a thinner Gaussian falls between the samples

_LOG2_SIZE = round(math.log2(SIZE) * 65536)
_LOG2_STEP = round(SIZE / math.log(2.0) * 65536)


@compiled
def class_of(norm):
    """round(log2 sqrt(norm)) for the integer norm = |q|^2 >= 1, at most 7; halves go up."""
    k = 0
    while k < 7 and norm >= 2 << 2 * k:
        k += 1
    return k


def _log2_fixed(value: int) -> int:
    """log2 of an integer >= 1 in 1/65536, rounded down to 1/256, by squaring."""
    whole = value.bit_length() - 1
    mantissa = (value << 30) >> whole  # 1 <= m < 2, 30 fractional bits
    result = whole << 16
    for bit in range(8):
        mantissa = (mantissa * mantissa) >> 30
        if mantissa >> 31:
            mantissa >>= 1
            result += 32768 >> bit
    return result


MOST = 1 << 11  # sizes and shears of a file are below this
# log2 sqrt(1 + v^2) in 1/65536 for v = i SHEAR 2^-k, and exp(i SIZE 2^-k) for i > -MOST
_FLAT = np.array(
    [
        [(_log2_fixed((1 << 2 * k) + 4 * i * i) >> 1) - (k << 16) for i in range(MOST)]
        for k in range(CLASSES)
    ]
)
SIZES = np.exp(np.clip(np.arange(-MOST, MOST) * SIZE / (1 << np.arange(CLASSES))[:, None], -9, 9))


@compiled
def position_steps(k, i1, i3, iv):
    """Powers of two (ex, ey) of the steps of x and y, from the integers of class and shape."""
    base = _LOG2_SIZE - (k << 16) + 32768
    ex = (base + ((i1 * _LOG2_STEP) >> k) - _FLAT[k, min(abs(iv), MOST - 1)]) >> 16
    ey = (base + ((i3 * _LOG2_STEP) >> k)) >> 16
    return min(max(ex, FINEST), COARSEST), min(max(ey, FINEST), COARSEST)


@compiled
def settle(theta, delta, basis, rounded, integers, geometry, color, first, last):
    """Gaussians first..last-1 of theta [N, 5 + C] as they are drawn; their integers where `rounded`.

    theta: x, y, log l1, log l3, v, amplitudes; integers: ix, iy, i1, i3, iv, amplitudes, where x = (ix +
    1/2) 2^ex - 1/2. basis [C, C] holds a colour axis in each row.
    """
    channels = basis.shape[0]
    chol = np.empty((1, 3), theta.dtype)
    mu = np.empty((1, 2), theta.dtype)
    a = np.empty(channels, theta.dtype)
    for n in range(first, last):
        mu[0, 0], mu[0, 1] = theta[n, 0], theta[n, 1]
        p1, p3, v = theta[n, 2], theta[n, 3], theta[n, 4]
        for ch in range(channels):
            a[ch] = theta[n, 5 + ch]
        if rounded:
            norm = 0
            for ch in range(channels):
                integers[n, 5 + ch] = math.floor(min(max(a[ch] / delta + 0.5, -LARGEST), LARGEST))
                norm += integers[n, 5 + ch] ** 2
            k = class_of(norm)
            size, shear = SIZE / (1 << k), SHEAR / (1 << k)
            i1, i3 = math.floor(p1 / size + 0.5), math.floor(p3 / size + 0.5)
            iv = math.floor(v / shear + 0.5)
            ex, ey = position_steps(k, i1, i3, iv)
            ix = math.floor((mu[0, 0] + 0.5) / 2.0**ex)
            iy = math.floor((mu[0, 1] + 0.5) / 2.0**ey)
            integers[n, 0], integers[n, 1] = ix, iy
            integers[n, 2], integers[n, 3], integers[n, 4] = i1, i3, iv
            mu[0, 0], mu[0, 1] = (ix + 0.5) * 2.0**ex - 0.5, (iy + 0.5) * 2.0**ey - 0.5
            p1, p3, v = i1 * size, i3 * size, iv * shear
            for ch in range(channels):
                a[ch] = integers[n, 5 + ch] * delta
        l1, l3 = math.exp(p1), math.exp(p3)
        chol[0, 0], chol[0, 1], chol[0, 2] = l1, v * l3, l3
        share = 1.0 / math.sqrt(l1 * l3)
        for ch in range(channels):
            color[n, ch] = 0.0
            for j in range(channels):
                color[n, ch] += a[j] * basis[j, ch] * share
        prepare(mu, chol, color[n : n + 1], geometry[n : n + 1], 0, 1)


@compiled
def descend(theta, m, v, sums, color, basis, integers, delta, rounded, rate, decay, step, pull, spread_of,
            height, width, first, last):  # fmt: skip
    """One Adam step for Gaussians first..last-1 from their `moments`, straight through the rounding.

    rate [4]: own-frame centre, log size, shear, amplitude. pull: half of lambda per nat, which weighs the
    Laplace rate |a| / spread_of [C] and the sparsity 12.5 log(1 + |a|^2 / delta^2).
    """
    channels = basis.shape[0]
    real = theta.dtype.type
    b1, b2, one = real(decay[0]), real(decay[1]), real(1.0)
    right1, right2 = one / (one - b1**step), one / (one - b2**step)
    grad = np.empty(5 + channels, theta.dtype)
    move = np.empty(5 + channels, theta.dtype)
    for n in range(first, last):
        p1, p3, shear = theta[n, 2], theta[n, 3], theta[n, 4]
        if rounded:
            norm = 0
            for ch in range(channels):
                norm += integers[n, 5 + ch] ** 2
            k = class_of(norm)
            p1, p3 = real(integers[n, 2] * SIZE / (1 << k)), real(integers[n, 3] * SIZE / (1 << k))
            shear = real(integers[n, 4] * SHEAR / (1 << k))
        share = real(math.exp(-0.5 * (p1 + p3)))
        dot = real(0.0)
        energy = real(delta * delta)
        for ch in range(channels):
            dot += color[n, ch] * sums[n, 5 + ch]
            energy += theta[n, 5 + ch] ** 2
        s12 = sums[n, 3]
        grad[0], grad[1], grad[4] = sums[n, 0], sums[n, 1], s12
        grad[2] = sums[n, 2] - shear * s12 - real(0.5) * dot
        grad[3] = sums[n, 4] + shear * s12 - real(0.5) * dot
        for j in range(channels):
            g = real(0.0)
            for ch in range(channels):
                g += basis[j, ch] * sums[n, 5 + ch]
            a = theta[n, 5 + j]
            grad[5 + j] = g * share + pull * (np.sign(a) / spread_of[j] + real(25.0) * a / energy)
        for j in range(5 + channels):
            m[n, j] = b1 * m[n, j] + (one - b1) * grad[j]
            v[n, j] = b2 * v[n, j] + (one - b2) * grad[j] * grad[j]
            which = 0 if j < 2 else 1 if j < 4 else 2 if j == 4 else 3
            move[j] = rate[which] * (m[n, j] * right1) / (math.sqrt(v[n, j] * right2) + real(1e-12))
        l1, l3 = math.exp(theta[n, 2]), math.exp(theta[n, 3])
        theta[n, 0] -= l1 * move[0]
        theta[n, 1] -= l3 * (theta[n, 4] * move[0] + move[1])
        for j in range(2, 5 + channels):
            theta[n, j] -= move[j]
        theta[n, 0] = min(max(theta[n, 0], real(-0.5)), real(width - 0.501))
        theta[n, 1] = min(max(theta[n, 1], real(-0.5)), real(height - 0.501))
        for j in (2, 3):
            theta[n, j] = min(max(theta[n, j], real(SMALLEST_LOG)), real(LARGEST_SIZE))
        theta[n, 4] = min(max(theta[n, 4], real(-LARGEST_SHEAR)), real(LARGEST_SHEAR))
        most = real(LARGEST * delta)
        for j in range(5, 5 + channels):
            theta[n, j] = min(max(theta[n, j], -most), most)
