"""How far the lips of a posed body are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf_body.model import PARTS, BakedBody

Floats = np.ndarray[Any, Any]
NARROW, FRONT = (
    0.003,
    0.01,
)  # metres: from the middle to either side, and before the mouth's corners


@dataclass(frozen=True, slots=True)
class Lips:
    """Two vertices, the upper and the lower, and how far they are apart at rest, in metres."""

    upper: int
    lower: int
    rest: float

    @classmethod
    def of(cls, body: BakedBody) -> Lips:
        """On the skin in front of the mouth, the lowest vertex that an opening jaw leaves and the highest
        that it takes along; between nose and chin on a body whose mouth has no lips."""
        t, v = body.topology, body.template
        if "jawOpen" not in t.expression_names:
            raise InvalidInput("the body's jaw does not open", hint="body: anny or capsule")
        sunk = np.zeros(len(v))
        sunk[body.moved] = -body.basis[t.expression_names.index("jawOpen"), :, 1]
        middle = np.mean(
            [v[t.landmarks[n][0]].mean(0) for n in ("left_mouth", "right_mouth")], axis=0
        )
        skin = np.zeros(len(v), bool)
        skin[t.faces[t.part_of_face == PARTS.index("head")]] = True
        off = v - middle
        skin &= (np.abs(off[:, 0]) < NARROW) & (np.abs(off[:, 1]) < 0.03) & (off[:, 2] > FRONT)
        upper = np.flatnonzero(skin & (sunk < 0.25 * sunk.max()))
        lower = np.flatnonzero(skin & (sunk > 0.5 * sunk.max()))
        if len(upper) and len(lower):
            return cls._pair(v, upper[np.argmin(v[upper, 1])], lower[np.argmax(v[lower, 1])])
        return cls._pair(v, t.landmarks["nose"][0][0], t.landmarks["chin"][0][0])

    @classmethod
    def _pair(cls, vertices: Floats, upper: Any, lower: Any) -> Lips:
        apart = float(np.linalg.norm(vertices[upper] - vertices[lower]))
        return cls(int(upper), int(lower), apart)

    def gap(self, vertices: Floats) -> Floats:
        """Metres [T] between both lips of posed vertices [T, V, 3], beyond those at rest."""
        apart = np.linalg.norm(vertices[:, self.upper] - vertices[:, self.lower], axis=1)
        found: Floats = np.maximum(apart - self.rest, 0.0)
        return found
