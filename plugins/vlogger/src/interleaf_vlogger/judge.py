"""The judge of movement as a component."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import (
    Context,
    Dataset,
    Evaluator,
    Measure,
    ModelHandle,
    Report,
    Schedule,
)
from interleaf_body.backends import body_model
from interleaf_body.identity import expressions
from interleaf_body.model import BakedBody
from interleaf_vlogger import judging, sound
from interleaf_vlogger.components import TalkingMotion, face_of, pieces
from interleaf_vlogger.config import JudgeConfig
from interleaf_vlogger.diffusion import BLOCK
from interleaf_vlogger.mouth import Lips
from interleaf_vlogger.pairs import Pair
from interleaf_vlogger.people import channels
from interleaf_vlogger.portraits import Portrait
from interleaf_vlogger.portrayal import by_group, gain, shown
from interleaf_vlogger.steadiness import lateness, stillness
from interleaf_vlogger.teacher import actions

Floats = np.ndarray[Any, Any]
Guided = Schedule | None


@dataclass(slots=True)
class Seen:
    """What was made for one pair."""

    pair: Pair
    loud: Floats
    teacher: Floats  # metres between the lips [T]
    curves: Floats  # of the first sample [T, 6]
    gaps: list[Floats] = field(default_factory=list)  # of each sample
    bodies: list[Floats] = field(default_factory=list)


class Judge(Evaluator):
    """Lips, jerk, diversity and beat on pairs that nothing was trained on."""

    Config = JudgeConfig

    def evaluate(
        self, model: ModelHandle | TalkingMotion, data: Dataset, lips: Schedule | None = None,
        body: Schedule | None = None, ctx: Context | None = None,
    ) -> Report:  # fmt: skip
        """``sync`` on active speech and ``sync_shifted`` by 4 to 12 frames, ``lag_within_one``, ``closures``,
        ``open_vowels``, ``retrieval`` among these clips; ``lip_error``, how far the gap is from the
        teacher's, ``lip_jerk`` as a ratio to it; ``lips_agree`` between samples; ``pose``, how far the mean
        pose of what is made lies from the pair's; of head and arms ``jerk`` and ``spread`` over samples, as
        ratios to the pairs' own movement; ``beat`` and its value with another clip's sound; ``seam`` between
        blocks. Lips are measured on posed vertices.
        ``sync`` and ``closures`` also by voice, with what the worst voice lies below the mean.
        ``delay_followed``: how often lips are late by 0.4 s, to a frame, where the sound is; ``silence_gap``:
        how far they are apart in a second of silence put in, over the 90th percentile. ``video_gain``
        of the compositor over the photo, in dB, on ``people`` drawn ones who move so, and by their groups.

        ``lips`` and ``body``: schedules of the guidance over frames, as in ``generate``."""
        ctx = ctx or Context()
        live = model.load(ctx) if isinstance(model, ModelHandle) else model
        if not isinstance(live, TalkingMotion):
            raise InvalidInput("only vlogger.motion can be judged here")
        pairs = list(data)
        if not pairs:
            raise InvalidInput("there is no pair to judge by")
        c = self.config
        if c.limit and len(pairs) > c.limit:
            pairs = [pairs[i] for i in np.linspace(0, len(pairs) - 1, c.limit).astype(int)]
        seen = []
        for i, pair in enumerate(pairs):
            seen.append(self._made(live, pair, ctx.seed + i, lips, body))
            ctx.monitor.progress(i + 1, len(pairs))
        moved_so = (*_lips(seen), *_voices(seen), *_body(seen, live.config.body))
        kept = self._kept(live, pairs[: c.steady], ctx.seed, lips, body)
        return Report((*moved_so, *kept, *self._video(seen, live.config.body, ctx)))

    def _kept(
        self, live: TalkingMotion, pairs: list[Pair], seed: int, guided: Guided, moved: Guided
    ) -> list[Measure]:
        """Lips under sound that comes late or pauses."""
        baked = body_model(self.config.body).bake()
        how = {**self._how(guided, moved), "draws": 1}

        def gap(samples: Floats) -> Floats:
            return gaps(baked, np.concatenate([b[0] for b in pieces(live, samples, seed, **how)]))

        late = [abs(lateness(gap, p.samples, p.fps)) <= 1.01 / p.fps for p in pairs]
        still = [stillness(gap, p.samples, p.fps) for p in pairs]
        reason = "not measured: steady=6"
        return [
            _mean("delay_followed", late, "up", reason),
            _mean("silence_gap", still, "down", reason),
        ]

    def _video(self, seen: list[Seen], body: str, ctx: Context) -> list[Measure]:
        """Every drawn person moves by some frames of another pair."""
        c, rows = self.config, []
        for i in range(c.people):
            s = seen[i % len(seen)]
            at = np.linspace(0, len(s.curves) - 1, c.frames).astype(int)
            portrait = Portrait(i, body, c.side)
            rows.append(
                shown(portrait, s.bodies[0][at], face_of(actions(s.curves[at]), portrait.body))
            )
            ctx.monitor.progress(i + 1, c.people)
        told = [(trait, group, r.gain) for r in rows for trait, group in r.groups.items()]
        return [gain(rows, "no people were drawn: people=6"), *by_group("video_gain", told, "dB")]

    def _made(
        self, live: TalkingMotion, pair: Pair, seed: int, guided: Guided, moved: Guided
    ) -> Seen:
        c = self.config
        body = body_model(c.body).bake()
        loud = sound.loudness(pair.samples, len(pair.lips), pair.fps)
        found = Seen(pair, loud, gaps(body, pair.lips), np.zeros((0, 0)))
        how = self._how(guided, moved)
        for n in range(c.samples):
            blocks = list(pieces(live, pair.samples, (seed * 1009 + n) % 2**63, **how))
            curves = np.concatenate([b[0] for b in blocks])
            found.curves = found.curves if n else curves
            found.gaps.append(gaps(body, curves))
            found.bodies.append(np.concatenate([b[1] for b in blocks]))
        return found

    def _how(self, guided: Guided, moved: Guided) -> dict[str, Any]:
        c = self.config
        return {
            "steps": c.steps, "lips_guidance": guided or c.lips_guidance,
            "body_guidance": moved or c.body_guidance, "draws": c.draws, "lips_noise": c.lips_noise,
        }  # fmt: skip

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.builtin.config import ConstantConfig
        from interleaf.builtin.schedules import Constant
        from interleaf.pipeline.collection import Collection
        from interleaf_vlogger.config import MotionConfig
        from interleaf_vlogger.example import example_pairs

        model = TalkingMotion(MotionConfig(body="capsule", width=16, layers=1, components=4))
        model.initialise(0)
        call = {"model": model, "data": Collection.of(example_pairs(2))}
        more = Constant(ConstantConfig(value=2.0, unit="frame"))
        return {
            "configs": [
                JudgeConfig(body="capsule", steps=2, samples=2),
                JudgeConfig(body="capsule", steps=2, samples=2, people=2, frames=2, side=64),
            ],
            "calls": {"evaluate": [call, {**call, "lips": more}]},
        }


def gaps(body: BakedBody, curves: Floats) -> Floats:
    """How far [T] the lips of a body that stands still are apart, in metres, under curves [T, 6]."""
    given = expressions(body, face_of(actions(curves), body), len(curves))
    still = np.zeros((len(curves), len(body.heads), 3), np.float32)
    return Lips.of(body).gap(body(still, given).vertices)


def _lips(seen: list[Seen]) -> list[Measure]:
    rows = [judging.sync(s.gaps[0], s.teacher, judging.active(s.loud)) for s in seen]
    met: list[bool] = []
    opened: list[bool] = []
    for s in seen:
        a, b = judging.seen(s.gaps[0], s.pair.phonemes, s.pair.fps)
        met, opened = met + a, opened + b
    own = judging.retrieved([s.gaps[0] for s in seen], [s.teacher for s in seen])
    agree = [judging.correlation(s.gaps[0], other) for s in seen for other in s.gaps[1:]]
    return [
        _mean("sync", [r[0] for r in rows], "up"),
        _mean("sync_shifted", [r[1] for r in rows], "none"),
        _mean("lag_within_one", [abs(r[2]) <= 1 for r in rows], "up"),
        _mean("closures", met, "up", "no lips had to meet"),
        _mean("open_vowels", opened, "up", "no open vowel was said"),
        Measure(name="retrieval", value=own, direction="up", n=len(seen)),
        _mean(
            "lip_error",
            [1000 * np.abs(s.gaps[0] - s.teacher).mean() for s in seen],
            "down",
            unit="mm",
        ),
        _mean("lip_jerk", _ratio([s.gaps[0] for s in seen], [s.teacher for s in seen]), "none"),
        _mean("lips_agree", agree, "none"),
    ]


def _voices(seen: list[Seen]) -> list[Measure]:
    """Lips by voice, the worst beside the mean."""
    rows: dict[str, list[tuple[str, str, float]]] = {"sync": [], "closures": []}
    for s in seen:
        got = judging.sync(s.gaps[0], s.teacher, judging.active(s.loud))[0]
        rows["sync"].append(("voice", s.pair.voice, got))
        met = judging.seen(s.gaps[0], s.pair.phonemes, s.pair.fps)[0]
        rows["closures"] += [("voice", s.pair.voice, float(m)) for m in met]
    return [m for name, values in rows.items() for m in by_group(name, values)]


def _body(seen: list[Seen], body: str) -> list[Measure]:
    out = []
    for name, heads in (("head", True), ("arm", False)):
        at = channels(body, heads)
        data = [s.pair.body[:, at] for s in seen]
        made = [b[:, at] for s in seen for b in s.bodies]
        still = float(np.mean([judging.amplitude(d) for d in data]))
        reason = "" if still > 1e-9 else "the pairs' bodies stand still"
        apart = float(
            np.mean([judging.spread(np.stack([b[:, at] for b in s.bodies])) for s in seen])
        )
        shaken = float(np.mean([judging.jerk(d) for d in data]))
        for what, value in (
            ("jerk", float(np.mean([judging.jerk(m) for m in made])) / max(shaken, 1e-12)),
            ("amplitude", float(np.mean([judging.amplitude(m) for m in made])) / max(still, 1e-12)),
            ("spread", apart / max(still, 1e-12)),
        ):
            told = value if not reason else None
            out.append(Measure(name=f"{name}_{what}", value=told, reason=reason, direction="none"))
    beats = [judging.beat(b, s.loud) for s in seen for b in s.bodies]
    other = [
        judging.beat(b, seen[(i + 1) % len(seen)].loud)
        for i, s in enumerate(seen) for b in s.bodies
    ]  # fmt: skip
    own = [judging.beat(s.pair.body, s.loud) for s in seen]
    seams = [judging.seam(b, BLOCK) for s in seen for b in s.bodies]
    return [
        *out,
        _mean(
            "pose", [_off(b, s.pair.body) for s in seen for b in s.bodies], "down", unit="degrees"
        ),
        _mean("beat", beats, "up"),
        _mean("beat_other", other if len(seen) > 1 else [], "none", "one clip has no other"),
        _mean("beat_data", own, "none"),
        _mean("seam", seams, "none"),
    ]


def _ratio(made: list[Floats], own: list[Floats]) -> list[float]:
    """How jerky gaps [T] are, over others."""
    usual = max(float(np.mean([judging.jerk(x[:, None]) for x in own])), 1e-12)
    return [judging.jerk(x[:, None]) / usual for x in made]


def _off(made: Floats, own: Floats) -> float:
    """Degrees between the mean poses of rotation vectors [T, 3 J], root mean square over joints."""
    apart = (made.mean(0) - own.mean(0)).reshape(-1, 3)
    return float(np.degrees(np.sqrt(np.square(apart).sum(1).mean())))


def _mean(
    name: str, values: list[Any], direction: Any, reason: str = "", unit: str = ""
) -> Measure:
    if not values:
        return Measure(name=name, value=None, reason=reason, unit=unit, direction=direction)
    value = float(np.mean(values))
    return Measure(name=name, value=value, unit=unit, direction=direction, n=len(values))
