"""Fine-tuning, a learnt reward and policy gradient, proved with a rule that can be counted.

    INTERLEAF_DATA=../shared/data python plugins/gemma/bench/tune.py [SEEDS]

The rule: a reply is worth its commas, up to three, over three. It chooses between two replies of
the tuned model; the reward model sees only which was chosen; the policy sees only the reward model.
Reported for each seed, on names it was not trained on: the rule and the reward before and after, KL in nats.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from interleaf.interfaces import Context
from interleaf_gemma.asking import question
from interleaf_gemma.chat import conversation, ends
from interleaf_gemma.components import Decoder
from interleaf_gemma.config import DocumentsConfig
from interleaf_gemma.documents import Documents
from interleaf_gemma.tuning.components import Reward, divergence, improved, judge_of
from interleaf_gemma.tuning.config import (
    ConversationsConfig,
    FinetuneConfig,
    PolicyConfig,
    PreferencesConfig,
    RewardConfig,
)  # fmt: skip
from interleaf_gemma.tuning.conversations import Conversations, Preferences
from interleaf_gemma.tuning.finetune import tuned
from interleaf_gemma.tuning.reinforce import answered
from interleaf_training import Recipe

NAMES = """
Lily Tom Ben Mia Sue Max Tim Anna Sam Lucy Jack Amy Bob Sara Joe Emma Dan Kate Leo Zoe Nina Bill Jane Mark
Rose Fred Ella Luke Ruby Paul Ivy Carl Lola Hugo Nora Finn Maya Owen Tina Adam
""".split()  # noqa: SIM905
HELD_OUT = 10  # names
TOKENS = 40


def rule(text: str) -> float:
    return min(text.count(","), 3) / 3


def asked(names: list[str]) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": f"Tell me a story about {name}."}] for name in names]


def drawn(model: Decoder, talks: Any, samples: int, seed: int) -> Any:
    rows = [conversation(t, model.tokenizer) for t in talks]
    return answered(model.gemma.eval(), rows, samples, TOKENS, 1.0, ends(model.tokenizer), seed)


def worth(model: Decoder, found: Any) -> float:
    return sum(rule(model.tokenizer.decode(a)) for a in found.answers) / len(found.answers)


def lines(file: Path, rows: list[Any]) -> str:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def talks(folder: Path) -> Conversations:
    """The first sentences of stories, as answers."""
    text = (
        Path(os.environ.get("INTERLEAF_DATA", "../shared/data"))
        / "lm/text/tinystories_sample_2MiB.txt"
    )
    stories = Documents(DocumentsConfig(path=str(text), part="train")).texts[:800]
    rows = [
        {"prompt": question(s), "response": s[: s.find(".", 60) + 1] or s[:80]} for s in stories
    ]
    return Conversations(ConversationsConfig(path=lines(folder / "talks.jsonl", rows)))


def pairs(model: Decoder, names: list[str], folder: Path, seed: int) -> Preferences:
    found, rows = drawn(model, asked(names), 16, seed), []
    texts = [model.tokenizer.decode(a).strip() for a in found.answers]
    for n, name in enumerate(names):
        own = texts[16 * n : 16 * n + 16]
        for a, b in zip(own[::2], own[1::2], strict=True):
            if rule(a) != rule(b) and a and b:
                better, worse = (a, b) if rule(a) > rule(b) else (b, a)
                rows.append({"prompt": asked([name])[0], "chosen": better, "rejected": worse})
    return Preferences(PreferencesConfig(path=lines(folder / f"pairs{seed}.jsonl", rows)))


def accuracy(reward: Reward, data: Preferences) -> float:
    right = 0
    for p in data:
        both = [[*p["prompt"], {"role": "model", "content": p[k]}] for k in ("chosen", "rejected")]
        better, worse = reward.apply(both).columns["reward"]
        right += better > worse
    return right / len(data)


def main() -> None:
    torch.set_num_threads(1)
    begin, seeds = time.process_time(), int(sys.argv[1]) if len(sys.argv) > 1 else 3
    plain = Recipe(steps=40, batch=16, lr=3e-4, weight_decay=0.0, log_every=20)
    train, new = NAMES[HELD_OUT:], NAMES[:HELD_OUT]
    with TemporaryDirectory() as made:
        folder = Path(made)
        sft, log = tuned(
            Decoder(), talks(folder), None, FinetuneConfig(recipe=plain), None, Context()
        )
        told: dict[str, Any] = {"sft_loss": [round(r["loss"], 3) for r in log.rows]}
        data, fresh = pairs(sft, train, folder, 1), pairs(sft, new, folder, 2)
        reward = Reward(RewardConfig(recipe=replace(plain, lr=5e-4))).fit(sft, data).model
        assert isinstance(reward, Reward)
        told |= {"pairs": len(data), "held_out_pairs": len(fresh)}
        told["held_out_accuracy"] = round(accuracy(reward, fresh), 3)
        asking = [{"prompt": t} for t in asked(train)]
        prompts = Conversations(
            ConversationsConfig(path=lines(folder / "ask.jsonl", asking), prompts=True)
        )
        told["seeds"] = [one(sft, reward, prompts, asked(new), seed) for seed in range(seeds)]
    told["cpu_minutes"] = round((time.process_time() - begin) / 60, 2)
    print(json.dumps(told, indent=1))


def one(
    sft: Decoder, reward: Reward, prompts: Conversations, new: Any, seed: int
) -> dict[str, float]:
    recipe = Recipe(steps=25, batch=8, lr=2e-4, weight_decay=0.0, log_every=5)
    config = PolicyConfig(recipe=recipe, samples=4, beta=0.05, max_new_tokens=TOKENS)
    policy = improved(sft, judge_of(reward), prompts, config, None, Context(seed=seed)).model
    assert isinstance(policy, Decoder)
    judge, after, before = judge_of(reward), drawn(policy, new, 16, 9), drawn(sft, new, 16, 9)
    found = {
        "rule_before": worth(sft, before), "rule_after": worth(policy, after),
        "reward_before": float(judge(before.prompts, before.answers).mean()),
        "reward_after": float(judge(after.prompts, after.answers).mean()),
        "kl": divergence(policy, sft, after, 1.0), "answers": len(after.answers),
    }  # fmt: skip
    return {k: round(v, 3) for k, v in found.items()}


if __name__ == "__main__":
    main()
