"""Who is meant by ``--model``: an address, a component, or one of the agents that need neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf_sotopia.endpoint import Endpoint, models_at
from interleaf_sotopia.speaking import Chatter, Human, Random, Replay, Scripted, Speaker

FORMS = (
    "http://HOST:PORT/v1#MODEL, litellm:MODEL, PLUGIN.COMPONENT such as gemma.decoder or "
    "gemma.decoder:FOLDER, scripted, random, human, replay:EPISODES.jsonl"
)


def speaker(text: str, options: Mapping[str, Any]) -> Speaker:
    """The agent that ``text`` means; ``options`` are fields of Endpoint. InvalidInput for no form of ours."""
    if text.startswith(("http://", "https://")):
        return _endpoint(text, options)
    if text.startswith("litellm:"):
        return Endpoint(model=text.removeprefix("litellm:"), library="litellm", **options)
    if text == "scripted":
        return Scripted()
    if text == "random":
        return Random()
    if text == "human":
        return Human()
    if text.startswith("replay:"):
        return _replay(Path(text.removeprefix("replay:")))
    reference, _, folder = text.partition(":")
    if reference.count(".") == 1 and "/" not in reference:
        return component(reference, {"weights": folder} if folder else {}, options)
    raise InvalidInput(f"'{text}' is no agent", hint=f"expected {FORMS}")


def _endpoint(text: str, options: Mapping[str, Any]) -> Endpoint:
    url, _, model = text.partition("#")
    if not model:
        names = models_at(url, options.get("key", ""))
        if len(names) != 1:
            told = f"it lists {', '.join(names[:6])}" if names else "it does not list its models"
            raise InvalidInput(f"which model of {url}? {told}", hint=f"{url}#MODEL")
        model = names[0]
    model, _, label = model.partition("=")
    return Endpoint(url=url, model=model, label=label, **options)


def _replay(file: Path) -> Replay:
    from interleaf_sotopia.exchange import read_episodes

    return Replay(recorded={e.task.id: e.turns for e in read_episodes(file)})


def component(reference: str, config: Mapping[str, Any], options: Mapping[str, Any]) -> Chatter:
    """A model of another plugin with the capability Chat, in this process."""
    from interleaf import load

    model = load(reference, **config)
    if not callable(getattr(model, "reply", None)):
        raise InvalidInput(f"{reference} cannot answer: it has no capability Chat")
    return chatter(
        model, Path(config["weights"]).name if config.get("weights") else reference, options
    )


def chatter(model: Any, name: str, options: Mapping[str, Any]) -> Chatter:
    """A live model as an agent."""
    length = int(options.get("max_tokens", 256))
    temperature = float(options.get("temperature", 0.7))
    settings = {"max_new_tokens": length, "temperature": temperature}
    context = int(options.get("context", 0))
    room = int((context - length - 64) * float(options.get("per_token", 3.0))) if context else 0
    sampling = {"temperature": temperature, "max_tokens": length, "format": "schema"}
    return Chatter(
        name=name,
        model=model,
        settings=settings,
        sampling=sampling,
        style=str(options.get("style", "full")),
        characters=room,
    )


def distinct(speakers: Sequence[Speaker]) -> list[Speaker]:
    """The speakers without repetition; InvalidInput for two different ones of one name."""
    found: dict[str, Speaker] = {}
    for s in speakers:
        other = found.setdefault(s.name, s)
        if isinstance(s, Endpoint) and isinstance(other, Endpoint) and s.url != other.url:
            raise InvalidInput(
                f"two endpoints serve a model called '{s.name}'",
                hint="give one a name of its own: URL#MODEL=NAME",
            )
    return list(found.values())


def renamed(s: Chatter, name: str) -> Chatter:
    """The same agent under another name."""
    return replace(s, name=name)
