"""The server through OpenAI's own client: what it answers, and that it answers the same as alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from interleaf_gemma.chat import conversation
from interleaf_gemma.evaluating.scores import scores

ASK = [{"role": "user", "content": "Tell me a story about a dog."}]
QUESTIONS = [
    f"Say something about {word}."
    for word in ["dog", "cat", "sun", "tree", "ball", "boat", "cake", "bird"]
]


def said(server: Any, messages: Any = ASK, **settings: Any) -> Any:
    settings = {"temperature": 0, "max_tokens": 40, **settings}
    return server.client.chat.completions.create(model="small", messages=messages, **settings)


def alone(server: Any, text: str, tokens: int = 40) -> str:
    words, model = server.host.tokenizer, server.host.engine.model
    ids = conversation([{"role": "user", "content": text}], words)
    return words.decode(model.generate(ids, max_new_tokens=tokens, temperature=0, stop=(1, 107)))


def test_it_tells_its_model_and_its_health(server: Any) -> None:
    assert [m.id for m in server.client.models.list()] == ["small"]
    assert server.client.models.retrieve("small").id == "small"
    assert httpx.get(f"{server.url}/health").json()["status"] == "ok"


def test_a_reply_is_what_the_model_says_alone(server: Any) -> None:
    reply = said(server)
    assert reply.choices[0].message.content == alone(server, ASK[0]["content"])
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason in ("stop", "length")
    prompt = len(conversation(ASK, server.host.tokenizer))
    assert reply.usage.prompt_tokens == prompt
    assert reply.usage.total_tokens == prompt + reply.usage.completion_tokens


def test_a_reply_says_which_model_made_it(server: Any) -> None:
    reply = said(server, seed=7)
    assert reply.system_fingerprint == "interleaf-gemma-abababababababab"
    marks = reply.provenance
    assert marks["generated_by"] == "interleaf gemma"
    assert (marks["model"], marks["digest"], marks["seeds"]) == ("small", "ab" * 16, [7])


def test_a_stream_holds_the_same_text(server: Any) -> None:
    chunks = list(said(server, stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    whole = said(server)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage


def test_a_stream_ends_with_done(server: Any) -> None:
    body = {"model": "small", "prompt": "Once", "max_tokens": 3, "stream": True}
    text = httpx.post(f"{server.url}/v1/completions", json=body).text
    events = text.strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    assert all(e.startswith("data: {") for e in events[:-1])


def test_eight_at_once_get_what_each_gets_alone(server: Any) -> None:
    def ask(text: str) -> str:
        return said(server, [{"role": "user", "content": text}]).choices[0].message.content

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, QUESTIONS))
    assert together == [alone(server, text) for text in QUESTIONS]
    assert len(set(together)) > 4  # or equality would prove nothing


def test_completions_take_text_ids_and_several_of_either(server: Any) -> None:
    words = server.host.tokenizer

    def texts(prompt: Any) -> list[str]:
        reply = server.client.completions.create(
            model="small", prompt=prompt, temperature=0, max_tokens=8
        )
        return [choice.text for choice in reply.choices]

    a, b = texts("One day"), texts("The sun")
    assert texts(words.encode("One day")) == a
    assert texts(["One day", "The sun"]) == a + b
    assert texts([words.encode("One day"), words.encode("The sun")]) == a + b


def test_alternatives_are_drawn_from_seeds_of_their_own(server: Any) -> None:
    def drawn(**settings: Any) -> list[str]:
        found = said(server, temperature=1.0, max_tokens=12, **settings)
        return [choice.message.content for choice in found.choices]

    three = drawn(n=3, seed=5)
    assert len(set(three)) == 3
    assert drawn(n=3, seed=5) == three
    assert drawn(seed=6) == three[1:2]
    reply = said(server, n=3, max_tokens=5)
    assert reply.usage.prompt_tokens == said(server, max_tokens=5).usage.prompt_tokens
    assert reply.usage.completion_tokens <= 15


def test_a_stop_text_ends_the_reply_and_is_not_shown(server: Any) -> None:
    whole = said(server).choices[0].message.content
    stop = whole[12:15]
    reply = said(server, stop=stop)
    assert reply.choices[0].message.content == whole[: whole.index(stop)]
    assert reply.choices[0].finish_reason == "stop"
    parts = [c.choices[0].delta.content or "" for c in said(server, stop=[stop], stream=True)]
    assert "".join(parts) == whole[: whole.index(stop)]
    assert server.idle()


def test_logprobs_are_those_of_the_model(server: Any) -> None:
    reply = said(server, logprobs=True, top_logprobs=3, max_tokens=6)
    content = reply.choices[0].logprobs.content
    assert "".join(t.token for t in content) == reply.choices[0].message.content
    assert all(t.top_logprobs[0].logprob == pytest.approx(t.logprob) for t in content)  # greedy
    assert all(len(t.top_logprobs) == 3 for t in content)
    model, words = server.host.engine.model, server.host.tokenizer
    ids = conversation(ASK, words)
    out = model.generate(ids, max_new_tokens=6, temperature=0, stop=(1, 107))
    (expected,) = scores(model, [(ids, out)])
    assert [t.logprob for t in content] == pytest.approx(expected.logprobs, abs=1e-4)


def test_completions_tell_logprobs_in_their_own_form(server: Any) -> None:
    reply = server.client.completions.create(
        model="small", prompt="One day", temperature=0, max_tokens=4, logprobs=2
    )
    told = reply.choices[0].logprobs
    assert "".join(told.tokens) == reply.choices[0].text
    assert told.text_offset[0] == 0
    assert all(
        max(top.values()) == p
        for top, p in zip(told.top_logprobs, told.token_logprobs, strict=True)
    )


def test_a_schema_is_kept(server: Any) -> None:
    pytest.importorskip("llguidance")
    schema = {
        "type": "object",
        "properties": {
            "mood": {"enum": ["happy", "sad"]},
            "legs": {"type": "integer", "maximum": 9},
        },
        "required": ["mood", "legs"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "animal", "schema": schema}}
    reply = said(server, response_format=wanted, temperature=1.0, seed=3, max_tokens=200)
    found = json.loads(reply.choices[0].message.content)
    assert found["mood"] in ("happy", "sad")
    assert isinstance(found["legs"], int)
    assert reply.choices[0].finish_reason == "stop"
