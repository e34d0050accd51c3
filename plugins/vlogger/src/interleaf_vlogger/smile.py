"""The mouth that a photo shows: the line where its lips meet, or what stands open between them.

Found in a square cut out along the mouth, whose unit is half a mouth's width. Between lips that are apart
(teeth, darkness) colour is less red than on the lips above and below; lips that meet do so in a dark line.
The body's lips are then brought there, so that what closes are the photo's lips and not its teeth.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from scipy import ndimage
from scipy.optimize import least_squares

from interleaf_body.camera import Camera
from interleaf_body.model import PARTS, BakedBody

Floats = np.ndarray[Any, Any]
CELLS = 32  # samples to half a mouth's width
WIDE, HIGH, LOW = 1.0, -1.0, 1.2  # of the square: half its width, its upper and its lower end
STRAY = 0.3  # by how much the line may lie off the fitted lips; twice as much for guessed points
DIP = 0.8  # redness between open lips, as a share of that of the lips themselves
REDDER = 4.0  # in a*: by how much lips that are told by their colour are redder than skin, at least
LIPS = 0.4  # and as a share of what the reddest of them are
EDGE = 0.03  # by which an opening is wider than what is sure to be one
UP, DOWN = 0.9, 1.3  # how far around the mouth skin goes along when the lips are moved
DEEP = 0.05  # metres behind the lips, from which on nothing does
MEET = 0.6  # of the way from the upper to the lower edge of an opening: where its lips meet


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """Of a photo: ``middle`` and ``along`` (half of the way between its corners) in pixels; at columns
    -1..1 of that axis, ``upper`` and ``lower``: the edges of what stands open; equal where lips meet."""

    middle: Floats
    along: Floats
    columns: Floats
    upper: Floats
    lower: Floats

    @property
    def size(self) -> float:
        """Half of its width in pixels."""
        return float(np.linalg.norm(self.along))

    @property
    def opened(self) -> bool:
        """Whether the lips are apart."""
        return bool((self.lower > self.upper).any())

    @property
    def line(self) -> Floats:
        """Where the lips meet, or would."""
        return self.upper + MEET * (self.lower - self.upper)

    def own(self, points: Floats) -> tuple[Floats, Floats]:
        """Points [..., 2] in pixels as places along and across."""
        return _own(self.middle, self.along, points)

    def at(self, values: Floats, u: Floats) -> Floats:
        """What ``values`` of the columns are at ``u``."""
        found: Floats = np.interp(u, self.columns, values)
        return found


def _own(middle: Floats, along: Floats, points: Floats) -> tuple[Floats, Floats]:
    off, square = points - middle, float(along @ along)
    across = np.array([-along[1], along[0]])
    return off @ along / square, off @ across / square


def found(photo: Floats, left: Floats, right: Floats, seam: float, guessed: bool) -> Mouth:
    """The mouth between its corners [2] in pixels, near to ``seam`` across, of a photo [H, W, 3] uint8."""
    middle, along = (left + right) / 2, (left - right) / 2
    u = np.arange(-WIDE, WIDE + 1e-6, 1 / CELLS)
    v = np.arange(HIGH, LOW, 1 / CELLS)
    across = np.array([-along[1], along[0]])
    places = middle + u[None, :, None] * along + v[:, None, None] * across
    places = places.astype(np.float32) - 0.5
    square = cv2.remap(photo, places[..., 0], places[..., 1], cv2.INTER_LINEAR)
    lab = cv2.cvtColor(square.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    light, red = (ndimage.gaussian_filter(lab[..., k], 1.0) for k in (0, 1))
    stray = STRAY * (1 + guessed)
    edges = _opening(red, v, seam, stray)
    if edges is None:
        line = v[_valley(light - red, np.abs(v - seam) / stray)]
        edges = (_smooth(line), _smooth(line))
    return Mouth(middle, along, u, *edges)


def _opening(red: Floats, v: Floats, seam: float, stray: float) -> tuple[Floats, Floats] | None:
    """The edges [n] of what is less red than the lips above and below; None where nothing is."""
    near = np.abs(v - seam) < stray + 0.25
    skin = float(np.median(red))
    least = skin + max(REDDER, LIPS * (float(np.quantile(red[near], 0.98)) - skin))
    upper, lower, known = (np.zeros(red.shape[1]) for _ in range(3))
    for j in range(red.shape[1]):
        column = np.where(near, red[:, j], -np.inf)
        edge = _dip(column, v, least)
        if edge:
            upper[j], lower[j], known[j] = *edge, 1
    line = upper + MEET * (lower - upper)
    known *= _agree(line, known > 0)
    middle = slice(len(known) // 4, -(len(known) // 4))
    if known[middle].mean() < 0.6:
        return None
    at = np.flatnonzero(known)
    rows = np.arange(len(known))
    # towards the corners, where lips are thin, the opening narrows to nothing
    ends = np.array([0, *at, len(known) - 1])
    tips = [line[at[0]], *line[at], line[at[-1]]]
    high = [tips[0], *(upper[at] - EDGE), tips[-1]]
    low = [tips[0], *(lower[at] + EDGE), tips[-1]]
    return _smooth(np.interp(rows, ends, high)), _smooth(np.interp(rows, ends, low))


def _agree(line: Floats, known: Floats) -> Floats:
    """Whether each column [n] lies near to the one smooth bow that most of the known ones lie on."""
    at = np.linspace(-1, 1, len(line))
    if known.sum() < 6:
        return np.zeros(len(line), bool)
    bow = least_squares(
        lambda c: np.polyval(c, at[known]) - line[known],
        [0.0, 0.0, float(np.median(line[known]))], loss="soft_l1", f_scale=0.03,
    )  # fmt: skip
    found: Floats = known & (np.abs(np.polyval(bow.x, at) - line) < 0.15)
    return found


def _dip(column: Floats, v: Floats, least: float) -> tuple[float, float] | None:
    """The widest stretch of a column between two tops of at least ``least``, as places across."""
    best, where = 0.0, None
    tops = [
        i for i in range(1, len(column) - 1)
        if column[i] >= column[i - 1] and column[i] > column[i + 1] and column[i] > least
    ]  # fmt: skip
    for a, b in pairwise(tops):
        bar = DIP * min(column[a], column[b])
        between = np.flatnonzero(column[a : b + 1] < bar) + a
        if len(between) and v[between[-1]] - v[between[0]] > best:
            best, where = float(v[between[-1]] - v[between[0]]), between
    if where is None or best < 2.5 / CELLS:
        return None
    return float(v[where[0]]), float(v[where[-1]])


def _valley(cost: Floats, off: Floats) -> Floats:
    """The row of each column [n] along the darkest path from left to right that hardly bends."""
    spread = max(float(cost.std()), 1e-6)
    total = cost / spread + 0.5 * off[:, None] ** 2 + 1e3 * (off[:, None] > 1)
    rows, columns = total.shape
    best, back = total[:, 0].copy(), np.zeros((columns, rows), int)
    step = np.arange(-2, 3)
    for j in range(1, columns):
        moved = np.stack([np.roll(best, s) + 0.15 * abs(s) for s in step])
        moved[:2, -2:], moved[-2:, :2] = np.inf, np.inf
        chosen = moved.argmin(0)
        back[j] = np.clip(np.arange(rows) - step[chosen], 0, rows - 1)
        best = moved.min(0) + total[:, j]
    path = [int(best.argmin())]
    for j in range(columns - 1, 0, -1):
        path.append(int(back[j][path[-1]]))
    return np.array(path[::-1])


def _smooth(values: Floats) -> Floats:
    found: Floats = ndimage.gaussian_filter1d(
        ndimage.median_filter(values, 7, mode="nearest"), 2.5, mode="nearest"
    )
    return found


def rim(body: BakedBody) -> tuple[Floats, Floats]:
    """Vertices where the skin ends at the mouth, and how much of the lower lip each vertex [V] is, 0..1."""
    t = body.topology
    inside = np.unique(t.faces[t.part_of_face == PARTS.index("mouth")])
    skin = np.unique(t.faces[t.part_of_face == PARTS.index("head")])
    sunk = np.zeros(len(body.template))
    sunk[body.moved] = -body.basis[t.expression_names.index("jawOpen"), :, 1]
    edge = np.intersect1d(inside, skin)
    most = float(sunk[edge].max()) if len(edge) else 1.0
    return edge, np.clip(sunk / max(most, 1e-6), 0, 1)


class Brought:
    """The body's lips brought to a photo's: ``meet``, ``upper``, ``lower`` [V, 3] in metres, to be added to
    posed vertices: to where the lips meet, and from there each lip to where the photo has it. ``apart``: how
    far the photo's lips are, at most, in metres."""

    def __init__(
        self, photo: Floats, body: BakedBody, camera: Camera, still: Floats, guessed: bool
    ) -> None:
        marks = body.topology.landmarks
        edge, low = rim(body)
        at, depth = camera.project(still), np.maximum(camera.seen(still)[:, 2], 1e-3)
        left, right = (at[marks[n][0]].mean(0) for n in ("left_mouth", "right_mouth"))
        u, v = _own((left + right) / 2, (left - right) / 2, at)
        inner = edge[np.abs(u[edge]) < 0.9]
        bent = np.polynomial.Polynomial.fit(u[inner], v[inner], 2)
        self.mouth = found(photo, left, right, float(bent(0.0)), guessed)
        side = np.clip(u, -1, 1)
        away = v - bent(side)
        kept = np.where(away < 0, _fall(-away / UP), _fall(away / DOWN))
        kept = kept * _fall((np.abs(u) - 1) / 0.7)
        kept = kept * _fall((depth - depth[inner].min()) / DEEP)
        m = self.mouth
        meet = (m.at(m.line, side) - bent(side)) * kept
        upper, lower = (
            share * m.at(edge - m.line, u) * kept
            for share, edge in ((1 - low, m.upper), (low, m.lower))
        )
        across = np.array([-m.along[1], m.along[0]])
        scale = depth[:, None] / np.array([camera.fx, -camera.fy])  # pixels to metres, y upwards

        def world(moved: Floats) -> Floats:
            out = np.zeros((len(moved), 3), np.float32)
            out[:, :2] = moved[:, None] * across * scale
            return out

        self.meet, self.upper, self.lower = world(meet), world(upper), world(lower)
        self.apart = float((m.lower - m.upper).max() * m.size * depth[inner].min() / camera.fy)

    def moved(self, vertices: Floats, upper: float = 0.0, lower: float = 0.0) -> Floats:
        """Posed vertices [V, 3] with the photo's lips; ``upper`` and ``lower``: how far each has come back to
        the other, 0..1."""
        out: Floats = vertices + self.meet + (1 - upper) * self.upper + (1 - lower) * self.lower
        return out.astype(np.float32)


def _fall(away: Floats) -> Floats:
    """1 up to 0, 0 from 1 on, smoothly."""
    x = np.clip(1 - away, 0, 1)
    found: Floats = x * x * (3 - 2 * x)
    return found
