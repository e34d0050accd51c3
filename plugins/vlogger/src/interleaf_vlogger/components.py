"""The model of movement as a component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Fitted, Schedule
from interleaf.values import Audio, Table
from interleaf_body.backends import body_model
from interleaf_body.model import BakedBody
from interleaf_body.values import Face
from interleaf_training import Recipe, TorchModel, train
from interleaf_training.model import load_weights
from interleaf_vlogger import sound
from interleaf_vlogger.config import FitConfig, MotionConfig
from interleaf_vlogger.diffusion import Denoising, Group
from interleaf_vlogger.learning import Windows, apart, gathered, measured
from interleaf_vlogger.people import MOVED, motion_of
from interleaf_vlogger.talking import Sampling, State, Stream, talk
from interleaf_vlogger.teacher import ACTIONS, LIPS, actions, blinking

SHIPPED = Path(__file__).parent / "weights"
HEARD = sound.PER_FRAME * sound.BANDS
Floats = np.ndarray[Any, Any]


class Person(nn.Module):
    """Both groups: lips, and residuals of the body."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        dims = 3 * len(MOVED[config.body])
        few = min(config.components, dims)
        self.lips = Group(len(LIPS), len(LIPS), HEARD, False, config.width, config.layers)
        self.body = Group(dims, few, HEARD, True, config.width, config.layers)


class TalkingMotion(TorchModel):
    """Sound to the movement of a face and a body (section 3.1)."""

    Config = MotionConfig

    def build(self) -> Person:
        """Untrained networks."""
        return Person(self.config)

    @property
    def module(self) -> nn.Module:
        """The live networks: what was fitted or loaded, else ``weights``, else the package's."""
        if self._module is None:
            folder = Path(self.config.weights) if self.config.weights else SHIPPED
            module = self.build()
            load_weights(module, folder)
            self._module = module.eval()
        return self._module

    @property
    def person(self) -> Person:
        """The live networks."""
        found = self.module
        assert isinstance(found, Person)
        return found

    def objective(self) -> nn.Module:
        """Denoising of the lips; ``fit`` trains the body after them."""
        return Denoising(self.person.lips, FitConfig().smooth)

    def stream(
        self, *, seed: int = 0, steps: int = 10, lips_guidance: Schedule | float = 3.0,
        body_guidance: Schedule | float = 1.0, draws: int = 3, lips_noise: float = 0.0,
        state: State | None = None,
    ) -> Stream:  # fmt: skip
        """Movement of a voice that arrives in pieces of 16 kHz mono; ``state`` goes on where another stopped.

        Guidance is a number, or a schedule over frames.
        """
        guided = _weights(lips_guidance), _weights(body_guidance)
        how = Sampling(steps, *guided, draws, lips_noise)
        person = self.person
        return Stream(person.lips, person.body, self.config.fps, seed, how, state)

    def generate(
        self, audio: Audio, lips: Schedule | None = None, body: Schedule | None = None,
        steps: int = 10, lips_guidance: float = 3.0, body_guidance: float = 1.0, draws: int = 3,
        lips_noise: float = 0.0, blinks: bool = True, ctx: Context | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """``face``: ARKit's actions, and ``motion``: turns over the rest pose of the body, to be laid over a
        pose with ``people.over``. As many frames as the sound lasts, at least one.

        ``lips`` and ``body``: schedules of the guidance over frames.
        """
        ctx = ctx or Context()
        samples = sound.mono(audio)
        stream = self.stream(
            seed=ctx.seed, steps=steps, lips_guidance=lips or lips_guidance,
            body_guidance=body or body_guidance, draws=draws,
            lips_noise=lips_noise,
        )  # fmt: skip
        total = sound.frames_of(samples, self.config.fps)
        curves, turns = [], []
        for lip, turn in talk(stream, samples):
            curves.append(lip)
            turns.append(turn)
            ctx.monitor.progress(sum(map(len, curves)), total)
        shut = blinking(0, total, self.config.fps, np.random.default_rng([ctx.seed % 2**63, 1]))
        amounts = actions(np.concatenate(curves), shut if blinks else None)
        baked = _baked(self.config.body)
        return {
            "face": face_of(amounts, baked),
            "motion": motion_of(np.concatenate(turns), self.config.body, baked, self.config.fps),
        }

    def fit(
        self, data: Dataset, lr: Schedule | None = None, body_lr: Schedule | None = None,
        lips_recipe: Recipe | None = None, body_recipe: Recipe | None = None, smooth: float = 0.02,
        gap: float = 1.0, meeting: float = 1.0, ctx: Context | None = None,
    ) -> Fitted:  # fmt: skip
        """Both networks, trained from the beginning: the lips, then the body. ``lr`` is of the
        lips, and of both without a ``body_lr``."""
        ctx, given = ctx or Context(), FitConfig()
        made = TalkingMotion(self.config)
        made.initialise(ctx.seed)
        person, known = made.person, gathered(data, self.config.fps)
        if known.body[0].shape[1] != len(person.body.mean):
            raise InvalidInput(
                f"pairs move {known.body[0].shape[1] // 3} joints, the model "
                f"{len(person.body.mean) // 3}",
                hint=f"pairs of the body '{self.config.body}'",
            )
        measured(person.lips, person.body, known)
        rows: list[dict[str, Any]] = []
        wrong = apart(known.lips, gap, meeting) if gap else None
        for name, group, moved, recipe, also, rate in (
            ("lips", person.lips, known.lips, lips_recipe or given.lips_recipe, wrong, lr),
            (
                "body",
                person.body,
                known.body,
                body_recipe or given.body_recipe,
                None,
                body_lr or lr,
            ),
        ):
            seed = (ctx.seed + (name == "body")) % 2**63
            part = replace(ctx, seed=seed, resume=ctx.resume / name if ctx.resume else None)
            values: dict[str, Schedule | float] = {"lr": rate} if rate else {}
            windows = Windows(known.heard, moved, seed)
            done = train(
                Denoising(group, smooth, also=also), windows, recipe, values=values, ctx=part
            )
            columns = done.log.columns
            rows += [
                {"part": name, **{k: columns[k][i] for k in columns}}
                for i in range(len(next(iter(columns.values()), ())))
            ]
        made.module.eval()
        return Fitted(made, Table.from_rows(rows))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf.pipeline.collection import Collection
        from interleaf_vlogger.example import example_pairs

        pairs = example_pairs()
        audio = Audio(pairs[0].samples[:20_000, None], sound.RATE)
        short = Audio(np.zeros((40, 2), np.float32), 8000)
        recipe = Recipe(steps=3, batch=2, log_every=1, checkpoint_every=1)
        once = {"steps": 2}
        return {
            "configs": [MotionConfig(body="capsule", width=16, layers=1, components=4)],
            "calls": {
                "fit": [
                    {"data": Collection.of(pairs), "lips_recipe": recipe, "body_recipe": recipe}
                ],
                "generate": [{"audio": audio, **once}, {"audio": short, "blinks": False, **once}],
            },
        }


def _weights(given: Schedule | float) -> Any:
    if isinstance(given, Schedule):
        return lambda frames: np.asarray(next(iter(given.table(frames).values())))
    return lambda frames: np.full(len(frames), float(given))


def _baked(name: str) -> BakedBody:
    return body_model(name).bake()


def face_of(amounts: Floats, body: BakedBody) -> Face:
    """Amounts [T, 9] of ``teacher.ACTIONS`` as a face; a body without some of them goes without."""
    names = [n for n in ACTIONS if n in body.topology.expression_names]
    kept: Sequence[int] = [ACTIONS.index(n) for n in names]
    return Face(amounts[:, kept], tuple(names))


def pieces(model: TalkingMotion, samples: Floats, seed: int, **how: Any) -> Iterator[Any]:
    """Blocks of lips and body of a whole sound."""
    return talk(model.stream(seed=seed, **how), samples)
