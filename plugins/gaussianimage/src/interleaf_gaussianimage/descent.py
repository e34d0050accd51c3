"""One step of gradient descent for a range of Gaussians, compiled.

theta [N, 5 + C] holds a Gaussian's numbers in a row: mu (2), shape (3), colour (C). Shape is the
Cholesky factor (l1, l2, l3), or (s1, s2, angle) where `angular`.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)

import math

import numpy as np

from .kernels import compiled, prepare


@compiled
def adam(theta, m, v, sums, rate, decay, step, angular, smallest, first, last):
    """One Adam step on theta [N, 5 + C] for Gaussians first..last-1, given their `moments`.

    Columns of theta: mu (2), shape (3), colour (C). Shape is (l1, l2, l3), or (s1, s2, angle) where
    `angular`; rate [5 + C] is the step size of each column, decay = (beta1, beta2), step >= 1.
    l1 and l3, or s1 and s2, keep at least `smallest` pixels.
    """
    real = theta.dtype.type
    b1, b2, one = real(decay[0]), real(decay[1]), real(1.0)
    right1, right2 = one / real(1.0 - decay[0] ** step), one / real(1.0 - decay[1] ** step)
    columns = theta.shape[1]
    grad = np.empty(columns, theta.dtype)
    for n in range(first, last):
        l1, l2, l3 = theta[n, 2], theta[n, 3], theta[n, 4]
        if angular:
            l1, l2, l3 = cholesky(l1, l2, l3)
        shear = l2 / (l1 * l3)
        grad[0], grad[1] = sums[n, 0] / l1 - shear * sums[n, 1], sums[n, 1] / l3
        grad[2], grad[3] = sums[n, 2] / l1 - shear * sums[n, 3], sums[n, 3] / l3
        grad[4] = sums[n, 4] / l3
        if angular:
            to_rotation_scale(theta[n], l1, l2, l3, grad)
        for j in range(5, columns):
            grad[j] = sums[n, j]
        for j in range(columns):
            m[n, j] = b1 * m[n, j] + (one - b1) * grad[j]
            v[n, j] = b2 * v[n, j] + (one - b2) * grad[j] * grad[j]
            move = (m[n, j] * right1) / (math.sqrt(v[n, j] * right2) + real(1e-12))
            theta[n, j] -= rate[j] * move
        for j in (2, 3 if angular else 4):
            if abs(theta[n, j]) < smallest:
                theta[n, j] = math.copysign(smallest, theta[n, j])


@compiled
def cholesky(s1, s2, angle):
    """(l1, l2, l3) of R S S^T R^T (eq. 2)."""
    c, s = math.cos(angle), math.sin(angle)
    v1, v2 = s1 * s1, s2 * s2
    l1 = math.sqrt(c * c * v1 + s * s * v2)
    return l1, c * s * (v1 - v2) / l1, abs(s1 * s2) / l1  # det(L) = |s1 s2|


@compiled
def to_rotation_scale(theta, l1, l2, l3, grad):
    """Turn grad[2:5] = d/d(l1, l2, l3) into d/d(s1, s2, angle), through Sigma = L L^T."""
    two = theta.dtype.type(2.0)
    gyy = grad[4] / (two * l3)
    gxy = (grad[3] - two * l2 * gyy) / l1
    gxx = (grad[2] - l2 * gxy) / (two * l1)
    s1, s2, c, s = theta[2], theta[3], math.cos(theta[4]), math.sin(theta[4])
    spread_out = s1 * s1 - s2 * s2
    grad[2] = two * s1 * (c * c * gxx + c * s * gxy + s * s * gyy)
    grad[3] = two * s2 * (s * s * gxx - c * s * gxy + c * c * gyy)
    grad[4] = spread_out * (two * c * s * (gyy - gxx) + (c * c - s * s) * gxy)


@compiled
def prepare_theta(theta, angular, geometry, color, first, last):
    """`prepare` for rows first..last-1 of theta, and their colours."""
    chol = np.empty((1, 3), theta.dtype)
    for n in range(first, last):
        chol[0, 0], chol[0, 1], chol[0, 2] = theta[n, 2], theta[n, 3], theta[n, 4]
        if angular:
            chol[0, 0], chol[0, 1], chol[0, 2] = cholesky(theta[n, 2], theta[n, 3], theta[n, 4])
        for ch in range(color.shape[1]):
            color[n, ch] = theta[n, 5 + ch]
        prepare(theta[n : n + 1, :2], chol, color[n : n + 1], geometry[n : n + 1], 0, 1)
