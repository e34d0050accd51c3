"""A server of a small random model, on a port of this machine, and a client of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
import uvicorn
from openai import OpenAI

from interleaf_gemma import Gemma, GemmaConfig, Tokenizer
from interleaf_gemma.serving.app import create_app
from interleaf_gemma.serving.engine import Engine
from interleaf_gemma.serving.host import Host
from interleaf_gemma.serving.replies import Origin
from interleaf_gemma.shipped import TOKENIZER


def random_model(tokenizer: Tokenizer, context: int = 400) -> Gemma:
    """A model that does not repeat one token: its layers outweigh the embedding."""
    config = GemmaConfig.preset(
        "tiny", vocab_size=len(tokenizer), d_model=64, layers=2, d_ff=128, context=context
    )
    model = Gemma(config).eval()
    generator = torch.Generator().manual_seed(5)
    for name, weight in model.named_parameters():
        if "proj" in name:
            torch.nn.init.normal_(weight, std=0.35, generator=generator)
    return model


@dataclass
class Running:
    """A server at work."""

    host: Host
    url: str
    client: OpenAI

    def idle(self) -> bool:
        """Whether nothing runs or waits, within two seconds."""
        until = time.monotonic() + 2
        while self.host.engine.load != (0, 0) and time.monotonic() < until:
            time.sleep(0.01)
        return self.host.engine.load == (0, 0)


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    tokenizer = Tokenizer.load(TOKENIZER)
    engine = Engine(random_model(tokenizer), slots=8)
    host = Host(engine=engine, tokenizer=tokenizer, origin=Origin("small", "ab" * 16, "0"))
    settings = uvicorn.Config(create_app(host), port=0, log_level="warning", lifespan="off")
    running = uvicorn.Server(settings)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    yield Running(host, url, client)
    client.close()
    running.should_exit = True
    thread.join()
    engine.close()
