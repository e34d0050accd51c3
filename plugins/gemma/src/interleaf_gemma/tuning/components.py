"""Rewards and policies as Models, and what a policy gained as an Evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from interleaf.errors import CorruptData, InvalidInput
from interleaf.interfaces import Context, Dataset, Evaluator, Fitted, Model, ModelHandle
from interleaf.interfaces.report import Measure, Report
from interleaf.values import Table
from interleaf_gemma.chat import conversation, ends
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DecoderConfig
from interleaf_gemma.generation import padded
from interleaf_gemma.tuning.config import (
    ConversationsConfig,
    GainConfig,
    PolicyConfig,
    PreferencesConfig,
    RewardConfig,
)
from interleaf_gemma.tuning.conversations import EXAMPLES, Conversations, Preferences
from interleaf_gemma.tuning.reinforce import Judge, Reinforce, answered, logprobs
from interleaf_gemma.tuning.rewards import BradleyTerry, RewardNet
from interleaf_training import DatasetSource, Recipe, own_copy, train

Turns = Sequence[Mapping[str, Any]]
DECODER, SCORE = "decoder", "score.safetensors"


class Reward(Model):
    """What people prefer, learnt from pairs of replies."""

    Config = RewardConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self._decoder: Decoder | None = None
        self._net: RewardNet | None = None

    def fit(
        self, model: ModelHandle | Decoder, data: Dataset, ctx: Context | None = None
    ) -> Fitted:
        """Start from a decoder, train on preferences (``prompt``, ``chosen``, ``rejected``)."""
        ctx = ctx or Context()
        fitted = Reward(self.config)
        fitted._decoder = _decoder(own_copy(model, ctx.seed))
        fitted._net = RewardNet(fitted._decoder.gemma)
        source = DatasetSource(data, fitted.collate, ctx.seed)
        done = train(BradleyTerry(fitted._net), source, self.config.recipe, ctx=ctx)
        return Fitted(fitted, done.log)

    def collate(self, items: Sequence[Mapping[str, Any]]) -> tuple[Tensor, ...]:
        """Preferences as ids and masks of the chosen and of the rejected conversations."""
        decoder, _ = self.parts
        sides: list[Tensor] = []
        for name in ("chosen", "rejected"):
            rows = [self.ids([*_prompt(i), {"role": "model", "content": i[name]}]) for i in items]
            sides += padded(rows, decoder.gemma.config.pad, torch.device("cpu"))
        return tuple(sides)

    def ids(self, turns: Turns) -> list[int]:
        """A conversation up to the model's <end_of_turn>; the beginning of one that is too long is cut."""
        decoder, _ = self.parts
        found = conversation(turns, decoder.tokenizer, "prepend", reply=False)[
            :-1
        ]  # without the newline
        most = decoder.gemma.config.context
        return found if len(found) <= most else [found[0], *found[len(found) - most + 1 :]]

    def apply(
        self, conversations: Sequence[Sequence[Mapping[str, Any]]], ctx: Context | None = None
    ) -> Table:
        """The reward of each conversation, which ends with the model's turn."""
        _, net = self.parts
        rewards = net.eval().of([self.ids(turns) for turns in conversations])
        return Table({"reward": rewards.tolist()})

    @property
    def parts(self) -> tuple[Decoder, RewardNet]:
        """The decoder and the network around it; InvalidInput before ``fit``."""
        if self._decoder is None or self._net is None:
            raise InvalidInput("this reward has not learnt from preferences yet", hint="call: fit")
        return self._decoder, self._net

    def save(self, folder: Path) -> None:
        """The decoder's files, and the last map beside them."""
        if self._decoder is None or self._net is None:
            return
        (folder / DECODER).mkdir()
        self._decoder.save(folder / DECODER)
        save_file({"score": self._net.score.detach().cpu()}, folder / SCORE)

    def load(self, folder: Path) -> None:
        """What ``save`` wrote."""
        names = {f.name for f in folder.iterdir()}
        if not names:
            return
        if names != {DECODER, SCORE}:
            raise CorruptData(
                f"{folder} holds {sorted(names)}", hint=f"expected {DECODER} and {SCORE}"
            )
        decoder = Decoder(DecoderConfig())
        decoder.load(folder / DECODER)
        net = RewardNet(decoder.gemma)
        try:
            score = load_file(folder / SCORE)["score"]
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise CorruptData(f"{folder / SCORE} cannot be read", hint="copy it again") from error
        if score.shape != net.score.shape:
            raise CorruptData(f"{folder / SCORE} is {tuple(score.shape)}, of another model")
        net.score.data.copy_(score)
        self._decoder, self._net = decoder, net.requires_grad_(False).eval()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        recipe = Recipe(steps=3, batch=2, log_every=1, checkpoint_every=1)
        data = Preferences(PreferencesConfig(path=str(EXAMPLES / "preferences.jsonl")))
        asked = [[*data[0]["prompt"], {"role": "model", "content": "Max ran."}]]
        return {
            "configs": [RewardConfig(recipe=recipe)],
            "calls": {
                "fit": [{"model": small(), "data": data}],
                "apply": [{"conversations": asked}],
            },
        }


class Policy(Model):
    """Trains a copy of a decoder to be rewarded, and to stay near what it was."""

    Config = PolicyConfig

    def fit(
        self,
        model: ModelHandle | Decoder,
        reward: ModelHandle | Reward,
        prompts: Dataset,
        held_out: Dataset | None = None,
        ctx: Context | None = None,
    ) -> Fitted:
        """The decoder after policy gradient; the log has mean reward and KL (nats an answer) of each step."""
        ctx = ctx or Context()
        judged = reward.load(ctx) if isinstance(reward, ModelHandle) else reward
        if not isinstance(judged, Reward):
            raise InvalidInput(
                "the reward must be a gemma.reward", hint="needs: {reward: STEP.model}"
            )
        return improved(model, judge_of(judged), prompts, self.config, held_out, ctx)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        recipe = Recipe(steps=2, batch=2, log_every=1, checkpoint_every=1)
        file = str(EXAMPLES / "preferences.jsonl")
        pairs = Preferences(PreferencesConfig(path=file))
        prompts = Conversations(ConversationsConfig(path=file, prompts=True))
        reward = Reward(RewardConfig(recipe=recipe)).fit(small(), pairs).model
        inputs = {"model": small(), "reward": reward, "prompts": prompts}
        config = PolicyConfig(recipe=recipe, samples=2, max_new_tokens=4)
        return {"configs": [config], "calls": {"fit": [inputs]}}


def improved(
    model: ModelHandle | Decoder,
    judge: Judge,
    prompts: Dataset,
    config: PolicyConfig,
    held_out: Dataset | None,
    ctx: Context,
) -> Fitted:
    """Policy gradient with any judge."""
    trained, start = _decoder(own_copy(model, ctx.seed)), _decoder(own_copy(model, ctx.seed))
    stops = ends(trained.tokenizer)
    objective = Reinforce(
        trained.gemma, start.gemma, judge, stops, config.samples, config.max_new_tokens, config.beta,
        config.temperature,
    )  # fmt: skip

    def collate(items: Sequence[Any]) -> tuple[Tensor, ...]:
        rows = [conversation(turns, trained.tokenizer, "prepend") for turns in items]
        ids, mask = padded(rows, trained.gemma.config.pad, torch.device("cpu"))
        return ids, mask.sum(1)

    def measured(live: nn.Module, step: int) -> dict[str, float]:
        rows = [conversation(turns, trained.tokenizer, "prepend") for turns in held_out or ()]
        drawn = answered(
            trained.gemma, rows, config.samples, config.max_new_tokens, config.temperature, stops, 0
        )
        return {"held_out": float(judge(drawn.prompts, drawn.answers).mean())}

    source = DatasetSource(prompts, collate, ctx.seed)
    done = train(objective, source, config.recipe, validate=measured if held_out else None, ctx=ctx)
    return Fitted(trained, done.log)


def judge_of(reward: Reward) -> Judge:
    """A learnt reward as what Reinforce asks."""
    _, net = reward.parts

    def judge(prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> Tensor:
        return net.eval().of([[*p, *a] for p, a in zip(prompts, answers, strict=True)])

    return judge


class Gain(Evaluator):
    """What a policy gained on prompts it was not trained on, and how far it went for it."""

    Config = GainConfig

    def evaluate(
        self,
        model: ModelHandle | Decoder,
        start: ModelHandle | Decoder,
        reward: ModelHandle | Reward,
        prompts: Dataset,
        ctx: Context | None = None,
    ) -> Report:
        """``reward`` of the model's answers, ``reward_before``, the ``gain``; ``kl`` in nats an answer."""
        ctx, c = ctx or Context(), self.config
        judged = reward.load(ctx) if isinstance(reward, ModelHandle) else reward
        if not isinstance(judged, Reward):
            raise InvalidInput("the reward must be a gemma.reward")
        after, before = (
            _decoder(m.load(ctx) if isinstance(m, ModelHandle) else m) for m in (model, start)
        )
        rows = [conversation(turns, after.tokenizer, "prepend") for turns in prompts]
        stops, judge, found = ends(after.tokenizer), judge_of(judged), {}
        for name, decoder in (("reward", after), ("reward_before", before)):
            drawn = answered(
                decoder.gemma.eval(),
                rows,
                c.samples,
                c.max_new_tokens,
                c.temperature,
                stops,
                ctx.seed,
            )
            found[name] = float(judge(drawn.prompts, drawn.answers).mean())
            if decoder is after:
                found["kl"] = divergence(after, before, drawn, c.temperature)
        found["gain"] = found["reward"] - found["reward_before"]
        ways: Any = {"reward": "up", "reward_before": "none", "kl": "down", "gain": "up"}
        n = len(rows) * c.samples
        return Report(
            tuple(Measure(name=k, value=v, direction=ways[k], n=n) for k, v in found.items())
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        inputs = dict(Policy.examples()["calls"]["fit"][0])
        inputs["start"] = inputs["model"]
        return {
            "configs": [GainConfig(samples=2, max_new_tokens=4)],
            "calls": {"evaluate": [inputs]},
        }


@torch.no_grad()
def divergence(after: Decoder, before: Decoder, drawn: Any, temperature: float) -> float:
    """KL(after ‖ before) in nats an answer, from answers drawn by ``after``."""
    said, own = logprobs(after.gemma, drawn, temperature)
    other, _ = logprobs(before.gemma, drawn, temperature)
    return float(((said - other) * own).sum(1).mean())


def small() -> Decoder:
    """A decoder small enough to try things on."""
    sizes: Any = {"layers": 1, "d_model": 16, "heads": 2, "head_dim": 8, "d_ff": 32, "context": 128}
    return Decoder(DecoderConfig(preset="tiny", **sizes))


def _decoder(model: Any) -> Decoder:
    if not isinstance(model, Decoder):
        raise InvalidInput("only a gemma.decoder can be tuned here")
    return model


def _prompt(item: Mapping[str, Any]) -> Turns:
    if not isinstance(item, Mapping) or not {"prompt", "chosen", "rejected"} <= item.keys():
        raise InvalidInput(
            "a preference holds prompt, chosen and rejected", hint="use gemma.preferences"
        )
    prompt: Turns = item["prompt"]
    return prompt
