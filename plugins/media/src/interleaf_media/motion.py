"""Optical flow through OpenCV, and what it says about a clip."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interleaf.interfaces import Measure
from interleaf.values import Table
from interleaf_media.extras import need
from interleaf_media.fidelity import Samples, luma, peak
from interleaf_media.measures import backend_name
from interleaf_media.series import Series
from interleaf_media.streams import Mask

Flow = NDArray[np.float32]  # [H, W, 2]: x to the right, y down, pixels a frame
Method = Literal["dis", "farneback"]

TINY, UP = 64, 4  # DIS misreads motion on smaller frames, so these are enlarged first
AGREE = 1.0  # px between a flow and the way back
SECTORS = 8


def estimate(first: Samples, second: Samples, method: Method = "dis") -> Flow:
    """The flow that carries ``first`` [H, W, C] to ``second``, by DIS (medium) or Farnebäck."""
    cv2 = need("cv2", "flow")
    one, two = (_grey(p) for p in (first, second))
    height, width = one.shape
    small = min(height, width) < TINY
    if small:
        one, two = (
            cv2.resize(p, (width * UP, height * UP), interpolation=cv2.INTER_CUBIC)
            for p in (one, two)
        )
    if method == "dis":
        flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(one, two, None)
    else:
        flow = cv2.calcOpticalFlowFarneback(one, two, None, 0.5, 5, 15, 3, 5, 1.2, 0)
    if small:
        flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) / UP
    return np.asarray(flow, np.float32)


def _grey(picture: Samples) -> NDArray[np.uint8]:
    grey = luma(picture)[..., 0]
    return np.ascontiguousarray(grey if grey.dtype == np.uint8 else (grey // 257).astype(np.uint8))


def warp(picture: Samples, flow: Flow) -> NDArray[np.float32]:
    """``picture`` seen through a flow: out[p] = picture[p + flow[p]], bilinear, edges repeated."""
    cv2 = need("cv2", "flow")
    ys, xs = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    source = picture.astype(np.float32)
    out = cv2.remap(
        source,
        xs + flow[..., 0],
        ys + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(out).reshape(picture.shape)


def trusted(forward: Flow, backward: Flow) -> Mask:
    """Where following the flow and coming back ends within 1 px, and inside the picture."""
    height, width = forward.shape[:2]
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    x, y = xs + forward[..., 0], ys + forward[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    back = forward + warp(backward, forward)
    return inside & (np.hypot(back[..., 0], back[..., 1]) < AGREE)


def warp_error(first: Samples, second: Samples) -> float | None:
    """Mean absolute difference (0..1) of ``first`` and ``second`` warped back to it, where flows agree."""
    forward, backward = estimate(first, second), estimate(second, first)
    where = trusted(forward, backward)
    if not where.any():
        return None
    difference = np.abs(warp(second, forward) - first.astype(np.float32))[where]
    return float(difference.mean(dtype=np.float64) / peak(first))


@dataclass(slots=True)
class MotionStream:
    """``temporal_warp`` or ``flow_stats`` of a clip, and flow_stats of its reference too."""

    name: Literal["temporal_warp", "flow_stats"]
    series: dict[tuple[str, str], Series] = field(default_factory=dict)
    turns: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    first: dict[str, tuple[Samples, Mask | None]] = field(default_factory=dict)
    last: dict[str, tuple[Samples, Mask | None]] = field(default_factory=dict)

    def update(self, subject: Samples, reference: Samples | None, mask: Mask | None) -> None:
        """One frame of each."""
        self._one("", subject, mask)
        if reference is not None and self.name == "flow_stats":
            self._one("reference", reference, mask)

    def _one(self, group: str, frame: Samples, mask: Mask | None) -> None:
        if group in self.last:
            self._pair(group, self.last[group], frame)
        else:
            self.first[group] = (frame, mask)
        self.last[group] = (frame, mask)

    def _pair(self, group: str, before: tuple[Samples, Mask | None], frame: Samples) -> None:
        earlier, mask = before
        if self.name == "temporal_warp":
            self._add("temporal_warp", group, warp_error(earlier, frame))
            return
        flow = estimate(earlier, frame)
        speed = np.hypot(flow[..., 0], flow[..., 1])
        for suffix, where in (
            ("", None),
            *((("@in", mask), ("@out", ~mask)) if mask is not None else ()),
        ):
            chosen = speed if where is None else speed[where]
            some = chosen.size > 0
            self._add("flow_mean" + suffix, group, float(chosen.mean()) if some else None)
            self._add("flow_median" + suffix, group, float(np.median(chosen)) if some else None)
            self._add(
                "flow_p95" + suffix, group, float(np.percentile(chosen, 95)) if some else None
            )
        self.turns[group] = self.turns.get(group, np.zeros(SECTORS)) + directions(flow, speed)

    def _add(self, name: str, group: str, value: float | None) -> None:
        self.series.setdefault((name, group), Series()).add(value)

    def merge(self, later: MotionStream) -> MotionStream:
        """Both parts, and the pair of frames between them."""
        whole = MotionStream(self.name, {k: Series(list(s.values)) for k, s in self.series.items()})
        whole.turns, whole.first = dict(self.turns), {**later.first, **self.first}
        whole.last = {**self.last, **later.last}
        for group in self.last.keys() & later.first.keys():
            whole._pair(group, self.last[group], later.first[group][0])
        for key, series in later.series.items():
            whole.series[key] = whole.series.get(key, Series()).merge(series)
        for group, turns in later.turns.items():
            whole.turns[group] = whole.turns.get(group, np.zeros(SECTORS)) + turns
        return whole

    def measures(self) -> list[Measure]:
        """Means over pairs of frames."""
        direction: Any = "down" if self.name == "temporal_warp" else "none"
        unit = "" if self.name == "temporal_warp" else "px/frame"
        names = (
            ["temporal_warp"]
            if self.name == "temporal_warp"
            else ["flow_mean", "flow_median", "flow_p95"]
        )
        series = self.series or {(n, ""): Series() for n in names}
        settings = {
            "backend": backend_name("opencv-python-headless"), "weights": "none", "flow": "dis:medium",
            "resize": "none", "version": "1",
        }  # fmt: skip
        out = []
        for (name, group), values in series.items():
            value, reason = values.mean()
            reason = reason if values.values else "motion needs two frames"
            out.append(Measure(
                name=name, group=group, value=value, reason=reason, unit=unit, direction=direction,
                n=max(len(values.finite), 1), interval=values.interval(), settings=settings,
            ))  # fmt: skip
        return out

    def tables(self) -> list[Table]:
        """The share of motion in each of eight directions."""
        if not self.turns:
            return []
        rows = []
        for group, turns in self.turns.items():
            total = turns.sum()
            shares = turns / total if total > 0 else np.zeros(SECTORS)
            rows += [
                {"of": group or "subject", "direction": name, "share": float(share)}
                for name, share in zip(COMPASS, shares, strict=True)
            ]
        return [Table.from_rows(rows, "where motion goes, weighted by its length")]


COMPASS = ("right", "down right", "down", "down left", "left", "up left", "up", "up right")


def directions(flow: Flow, speed: NDArray[Any]) -> NDArray[np.float64]:
    """Length of motion in each of eight sectors, the first centred on +x, clockwise as seen."""
    turn = np.arctan2(flow[..., 1], flow[..., 0]) / (2 * math.pi / SECTORS)
    sector = np.round(turn).astype(int) % SECTORS
    counts = np.bincount(sector.ravel(), speed.ravel().astype(np.float64), SECTORS)
    return np.asarray(counts, np.float64)
