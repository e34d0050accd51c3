"""Any OpenAI-compatible ``/chat/completions``, through the ``openai`` client (or litellm)."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from interleaf.errors import InvalidInput, PluginMissing
from interleaf.params import reveal
from interleaf_sotopia.limits import (
    HOPELESS,
    Breaker,
    Bucket,
    CallFailed,
    backoff,
    retry_after,
    retryable,
)
from interleaf_sotopia.speaking import Ask, Reply

GUESSED = 3.0  # characters of a token, for what is asked before it is counted


@dataclass
class Endpoint:
    """A model behind an address.

    ``key``: name of the environment variable with the key, empty for none. ``label``: a name of its own among
    the agents. ``format``: ``schema``
    (json_schema), ``object`` (json_object) or ``text``. ``context``: tokens it reads, 0 for any;
    prompts are cut by ``per_token`` characters each. ``price``: of a million prompt and completion
    tokens. ``requests_per_minute`` and ``tokens_per_minute``: 0 for no limit. A request is made at
    most ``attempts`` times and waits at most ``patience`` seconds in all. ``library``: ``openai``
    or ``litellm``.
    """

    url: str = ""
    model: str = ""
    label: str = ""
    key: str = ""
    temperature: float = 0.7
    max_tokens: int = 256
    format: str = "schema"
    style: str = "full"
    context: int = 0
    per_token: float = GUESSED
    price: tuple[float, float] = (0.0, 0.0)
    concurrency: int = 8
    requests_per_minute: float = 0.0
    tokens_per_minute: float = 0.0
    attempts: int = 6
    patience: float = 300.0
    timeout: float = 120.0
    library: str = "openai"
    seeded: bool = True
    breaker: Breaker = field(default_factory=Breaker)
    _client: Any = field(default=None, init=False, repr=False)
    _secret: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        if self.library == "openai":
            check_url(self.url)
        self._slots = asyncio.Semaphore(self.concurrency)
        self._calls, self._tokens = Bucket(self.requests_per_minute), Bucket(self.tokens_per_minute)
        self._draw = random.Random()

    @property
    def name(self) -> str:
        """The model's name; the address is not part of it, for a model may move."""
        return self.label or self.model or "model"

    @property
    def sampling(self) -> Mapping[str, Any]:
        """Temperature, length and format."""
        return {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "format": self.format,
        }

    @property
    def characters(self) -> int:
        """The longest prompt, what it answers left room for."""
        return int((self.context - self.max_tokens - 64) * self.per_token) if self.context else 0

    async def reply(self, ask: Ask) -> Reply:
        """The answer; CallFailed when every try failed, EndpointDown when all fail the same way."""
        begun, most = time.monotonic(), self.attempts
        guess = sum(len(m["content"]) for m in ask.messages) / self.per_token + self.max_tokens
        trouble = ""
        for attempt in range(most):
            self.breaker.check()
            await self._calls.take()
            await self._tokens.take(guess)
            async with self._slots:
                found = await self._once(ask)
            if isinstance(found, Reply):
                self._tokens.give_back(guess - found.prompt_tokens - found.completion_tokens)
                self.breaker.succeeded()
                return Reply(
                    found.text,
                    found.prompt_tokens,
                    found.completion_tokens,
                    found.finish,
                    attempt + 1,
                )
            assert isinstance(found, _Trouble)
            if not found.again:
                self.breaker.failed(found.said, found.status in HOPELESS)
                self.breaker.check()
                raise CallFailed(found.said, lasting=True, hint=_advice(found.status, self.key))
            trouble = found.said
            wait = found.wait if found.wait is not None else backoff(attempt, self._draw)
            if attempt + 1 == most or time.monotonic() - begun + wait > self.patience:
                break
            await asyncio.sleep(wait)
        self.breaker.failed(trouble)
        raise CallFailed(f"{trouble} (after {attempt + 1} tries)", hint="it can be resumed later")

    async def _once(self, ask: Ask) -> Reply | _Trouble:
        if self._client is None:
            self._open()
        try:
            found = await self._client(**self._body(ask))
            return _read(found)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # of either library: read by what it carries
            return self._trouble(error)

    def _body(self, ask: Ask) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model, "messages": list(ask.messages), "temperature": self.temperature,
            "max_tokens": self.max_tokens, "timeout": self.timeout,
        }  # fmt: skip
        if self.seeded:
            body["seed"] = ask.seed % 2**31
        if self.format == "schema":
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": ask.name, "schema": dict(ask.schema), "strict": True},
            }
        elif self.format == "object":
            body["response_format"] = {"type": "json_object"}
        return body

    def _open(self) -> None:
        self._secret = reveal(self.key) if self.key else ""
        self._client = self._litellm() if self.library == "litellm" else self._openai()

    def _openai(self) -> Callable[..., Any]:
        import openai

        client = openai.AsyncOpenAI(
            base_url=self.url, api_key=self._secret or "none", max_retries=0
        )
        self._close = client.close

        async def call(*, timeout: float, **body: Any) -> Any:
            # the plain body and the plain answer: typed ones cost 4 ms a request (measured)
            return await client.post(
                "/chat/completions", body=body, cast_to=object, options={"timeout": timeout}
            )

        return call

    def _litellm(self) -> Callable[..., Any]:
        try:
            import litellm
        except ImportError:
            raise PluginMissing(
                "litellm is not installed", hint="pip install 'interleaf-sotopia[litellm]'"
            ) from None
        extra = {"api_key": self._secret} if self._secret else {}
        extra |= {"api_base": self.url} if self.url else {}

        async def call(**body: Any) -> Any:
            return await litellm.acompletion(**body, **extra, num_retries=0)

        return call

    def _trouble(self, error: Exception) -> _Trouble:
        status = getattr(error, "status_code", None)
        response = getattr(error, "response", None)
        headers = getattr(response, "headers", None) or {}
        said = self.redacted(" ".join(f"{type(error).__name__}: {error}".split())[:300])
        if isinstance(status, int):
            wait = retry_after(headers.get("retry-after")) if status in (429, 503) else None
            return _Trouble(said, status, retryable(status), wait)
        # no status: broken connections, time-outs, and answers that are no answer are worth another try
        return _Trouble(
            said, 0, not isinstance(error, InvalidInput | PluginMissing | TypeError), None
        )

    def redacted(self, text: str) -> str:
        """Text without the key, whoever put it there."""
        return text.replace(self._secret, "[key]") if self._secret else text

    async def close(self) -> None:
        """Close the connections."""
        close = getattr(self, "_close", None)
        if self._client is not None and close is not None:
            await close()
        self._client = None


@dataclass(frozen=True, slots=True)
class _Trouble:
    said: str
    status: int
    again: bool
    wait: float | None


def _read(found: Any) -> Reply:
    """An answer of the protocol; ValueError for anything else, which is then asked for again."""
    choices = _get(found, "choices")
    if not isinstance(choices, list) or not choices:
        raise ValueError("the answer holds no choices")
    message = _get(choices[0], "message")
    if message is None:
        raise ValueError("the answer holds no message")
    text, refusal = _get(message, "content"), _get(message, "refusal")
    if text is not None and not isinstance(text, str):
        raise ValueError("the answer's content is no text")
    finish = "refusal" if refusal and not text else _get(choices[0], "finish_reason") or "stop"
    usage = _get(found, "usage")
    return Reply(
        text or "", _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"), str(finish)
    )


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _count(usage: Any, name: str) -> int:
    found = _get(usage, name)
    return found if isinstance(found, int) and found >= 0 else 0


def _advice(status: int, key: str) -> str:
    if status in (401, 403):
        return (
            f"is the key in {key} right?"
            if key
            else "name the variable that holds the key: --key NAME"
        )
    if status == 404:
        return "check the address (it usually ends in /v1) and the model's name"
    return "does it take json_schema? else --format object or text" if status in (400, 422) else ""


def check_url(url: str) -> None:
    """InvalidInput for what is no address of an endpoint, or carries a password."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InvalidInput(f"'{url}' is no address", hint="such as http://127.0.0.1:8000/v1")
    if "@" in parts.netloc:
        raise InvalidInput(
            "an address carries a password", hint="put keys into the environment: --key NAME"
        )


def models_at(url: str, key: str = "") -> list[str]:
    """The names an endpoint lists; [] where it does not answer that question."""
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    check_url(url)
    headers = {"Authorization": f"Bearer {reveal(key)}"} if key else {}
    try:
        with urlopen(Request(f"{url.rstrip('/')}/models", headers=headers), timeout=10) as answer:
            return [str(m["id"]) for m in json.load(answer)["data"]]
    except (URLError, OSError, ValueError, KeyError, TypeError):
        return []
