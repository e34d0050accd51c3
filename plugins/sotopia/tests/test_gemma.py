"""The local Gemma plays whole episodes, in this process and through its server."""

import asyncio
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from interleaf_sotopia import addresses, engine
from interleaf_sotopia.actions import SPEAK
from interleaf_sotopia.engine import Play, planned
from interleaf_sotopia.episode import Rules
from interleaf_sotopia.sample import sample_tasks
from interleaf_sotopia.store import Store

pytest.importorskip("interleaf_gemma")
pytest.importorskip("fastapi")

RULES = Rules(max_turns=8, actions=(SPEAK,))
OPTIONS = {"max_tokens": 48, "temperature": 0.7, "style": "brief", "context": 512, "per_token": 2.0}


def played(speaker: Any, folder: Path, seed: int = 0) -> list[Any]:
    """Transcripts of one task."""
    with Store(folder / f"{speaker.name}{seed}{type(speaker).__name__}.db", writing=True) as store:
        store.plan(planned(sample_tasks()[:1], [speaker], RULES, seed), {"rules": asdict(RULES)})
        assert asyncio.run(engine.play(store, [speaker], Play(rules=RULES))) == {"done": 1}
        return [e.turns for e in store.episodes()]


def test_equal_seeds_give_equal_transcripts_here_and_through_the_server(tmp_path: Path) -> None:
    here = addresses.renamed(addresses.component("gemma.decoder", {}, OPTIONS), "stories")
    first = played(here, tmp_path)
    assert sum(t.action.kind == SPEAK for t in first[0]) >= 4
    command = [
        sys.executable,
        "-m",
        "interleaf_cli",
        "gemma",
        "serve",
        "--port",
        "0",
        "--name",
        "stories",
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+/v1", server.stdout.readline())
        assert found
        assert played(addresses.speaker(f"{found[0]}#stories", OPTIONS), tmp_path) == first
    finally:
        server.terminate()
        server.wait(20)
    assert played(here, tmp_path, seed=1) != first


def test_the_loss_counts_what_the_agent_says_and_nothing_else() -> None:
    from interleaf_gemma.components import Decoder
    from interleaf_gemma.config import DecoderConfig

    decoder = Decoder(DecoderConfig())
    said = '{"action_type": "leave", "argument": ""}'
    turns = [{"role": "user", "content": "Bo:"}, {"role": "model", "content": said}]
    ids, counted = decoder.collate([turns])
    own = [int(i) for i, c in zip(ids[0], counted[0], strict=True) if c]
    assert decoder.tokenizer.decode(own[:-1]).strip() == said
    assert not counted[0, :6].any()


def test_behaviour_cloning_learns_what_is_shown_and_lora_too(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from interleaf_gemma.components import Decoder
    from interleaf_gemma.config import DecoderConfig
    from interleaf_sotopia.config import TuneConfig
    from interleaf_sotopia.toy import toy_pairs
    from interleaf_sotopia.tuning import Clone, Reinforce

    start = Decoder(DecoderConfig())
    for rank in (0, 4):
        made = Clone(TuneConfig(steps=6, batch=3, lr=5e-3, rank=rank)).fit(start, toy_pairs())
        losses = made["log"].columns["loss"]
        assert losses[-1] < 0.8 * losses[0]
        assert made["lineage"].rows[0]["pairs"] == 6
        assert not [n for n, _ in made["model"].module.named_parameters() if "lora" in n]
    again = Reinforce(TuneConfig(steps=1, batch=2)).fit(made["model"], toy_pairs(), toy_pairs(2))
    assert again["lineage"].rows[0]["earlier"]
