"""Two sets of pictures or clips as wholes: FID, KID and FVD, or what is like them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Evaluator, Measure, Report
from interleaf_media.clips import example_frames
from interleaf_media.config import FidConfig, FvdConfig
from interleaf_media.extractors import Extractor, extractor
from interleaf_media.fidelity import Samples
from interleaf_media.frechet import (
    Moments,
    frechet,
    frechet_interval,
    frechet_unbounded,
    kernel_distance,
)
from interleaf_media.writing import to_integers

FEWEST = 2


def features(
    items: Iterable[Samples], network: Extractor, batch: int = 8, ctx: Context | None = None
) -> Any:
    """Features [N, D] of everything, ``batch`` at a time; [0, 1] for nothing."""
    rows, waiting = [], []
    for done, item in enumerate(items):
        waiting.append(item)
        if len(waiting) == batch:
            rows.append(network.extract(waiting))
            waiting = []
        if ctx:
            ctx.monitor.progress(done + 1)
    rows += [network.extract(waiting)] if waiting else []
    return np.concatenate(rows) if rows else np.zeros((0, 1))


def distances(
    subject: Any, reference: Any, network: Extractor, names: Iterable[str], word: str
) -> Report:
    """Measures named ``fid`` (or ``fvd``), ``kid`` and ``fid_inf`` on features of two sets.

    A network other than the field's own gives ``fid_like`` of the group NAME, never ``fid``.
    """
    settings = {
        "backend": "interleaf", "weights": network.weights, "extractor": network.name,
        "dimensions": int(subject.shape[1]), "range": "0..255", "version": "1",
    }  # fmt: skip
    least, dims = min(len(subject), len(reference)), subject.shape[1]
    out = []
    for name in names:
        title, group = name.replace("fid", word), ""
        if not network.own:
            title, group = f"{title}_like", network.name
        value, interval, reason = None, None, ""
        if least < FEWEST:
            reason = f"{least} items in one set: a spread needs at least {FEWEST}"
        else:
            value, interval = _distance(name, subject, reference)
            few = least <= dims and name != "kid"
            reason = f"{least} items for {dims} dimensions: biased upwards" if few else ""
        out.append(Measure(
            name=title,
                group=group,
                value=value, reason=reason, direction="down", n=max(least, 1), interval=interval,
            settings=settings,
        ))  # fmt: skip
    return Report(tuple(out))


def _distance(name: str, a: Any, b: Any) -> tuple[float, tuple[float, float] | None]:
    if name == "kid":
        return kernel_distance(a, b)
    if name == "fid_inf":
        return frechet_unbounded(a, b), None
    return frechet(Moments.of(a), Moments.of(b)), frechet_interval(a, b)


class Fid(Evaluator):
    """How far apart two sets of pictures are."""

    Config = FidConfig

    def evaluate(self, subject: Any, reference: Any, ctx: Context | None = None) -> Report:
        """Sets of any size; fewer than two items give None with the reason."""
        network = _of_kind(self.config.extractor, self.config.file, self.config.seed, "image")
        sides = [
            features((to_integers(i).pixels for i in side), network, ctx=ctx)
            for side in (subject, reference)
        ]
        one, two = _same(sides)
        return distances(one, two, network, self.config.measures, "fid")

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection

        one, two = (
            Collection.of(list(example_frames(5))),
            Collection.of(list(example_frames(4, 20, 20))),
        )
        return {
            "configs": [FidConfig(extractor="randconv2d")],
            "calls": {"evaluate": [{"subject": one, "reference": two}]},
        }


class Fvd(Evaluator):
    """How far apart two sets of clips are."""

    Config = FvdConfig

    def evaluate(self, subject: Any, reference: Any, ctx: Context | None = None) -> Report:
        """Clips are cut to ``frames``; shorter ones are refused."""
        c = self.config
        network = _of_kind(c.extractor, c.file, c.seed, "clip")
        sides = [features(map(self._cut, side), network, 1, ctx) for side in (subject, reference)]
        one, two = _same(sides)
        return distances(one, two, network, ("fid",), "fvd")

    def _cut(self, frames: Any) -> Samples:
        count = self.config.frames
        if len(frames) < count:
            raise InvalidInput(
                f"a clip has {len(frames)} frames, {count} are compared", hint="frames"
            )
        from interleaf.values import Image

        return np.stack([to_integers(Image(p)).pixels for p in frames.pixels[:count]])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection

        one = Collection.of([example_frames(4), example_frames(5), example_frames(4, 30, 40)])
        two = Collection.of([example_frames(4, 32, 32), example_frames(4, 26, 30)])
        return {
            "configs": [FvdConfig(extractor="randconv3d", frames=4)],
            "calls": {"evaluate": [{"subject": one, "reference": two}]},
        }


def _same(sides: list[Any]) -> list[Any]:
    """An empty side gets as many columns as the other."""
    widest = max(side.shape[1] for side in sides)
    return [side if len(side) else np.zeros((0, widest)) for side in sides]


def _of_kind(name: str, file: str | None, seed: int, kind: str) -> Extractor:
    network = extractor(name, file or "", seed)
    if network.kind != kind:
        raise InvalidInput(f"'{name}' looks at {network.kind}s, this compares {kind}s")
    return network
