"""People's negotiations played again by a model, against a script, for points that need no judge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Model, ModelHandle
from interleaf.pipeline.collection import Collection
from interleaf_sotopia import casino
from interleaf_sotopia.casino import ACCEPT, ISSUES, LEAVE, REJECT, SUBMIT, Dialogue, Move
from interleaf_sotopia.config import CasinoGamesConfig
from interleaf_sotopia.judges import sample_dialogues


class CasinoGames(Model):
    """Negotiations that a model plays in the place of people."""

    Config = CasinoGamesConfig

    def apply(
        self, model: ModelHandle | Model, dialogues: Dataset, ctx: Context | None = None
    ) -> Dataset:
        """Dialogues with their moves and points: each of the first ``limit``'s priorities ``repetitions``
        times. The model is the first participant; nobody is satisfied or liked."""
        c, ctx = self.config, ctx or Context()
        live: Any = model.load(ctx) if isinstance(model, ModelHandle) else model
        if not callable(getattr(live, "reply", None)):
            raise InvalidInput("this model cannot answer: it has no capability Chat")
        tasks = [d for d in dialogues if isinstance(d, Dialogue)][: c.limit or None]
        if not tasks:
            raise InvalidInput(
                "these are no dialogues", hint="needs: {dialogues: a sotopia.casino step}"
            )
        seeds = np.random.default_rng(ctx.seed % 2**63).integers(
            2**62, size=len(tasks) * c.repetitions
        )
        found = {}
        for n, d in enumerate(d for d in tasks for _ in range(c.repetitions)):
            at = replace(ctx, seed=int(seeds[n]))
            found[f"{d.id}-{n}"] = played(live, d, c.characters, at, c.temperature)
            ctx.monitor.progress(n + 1, len(seeds))
        return Collection.of({name: replace(d, id=name) for name, d in found.items()})

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_sotopia.cloning import Presser

        dialogues = Collection.of(
            {str(r["dialogue_id"]): casino.dialogue(r) for r in sample_dialogues()}
        )
        call = {"model": Presser(), "dialogues": dialogues}
        return {
            "configs": [CasinoGamesConfig(repetitions=2, limit=1)],
            "calls": {"apply": [call]},
        }


def asked(
    live: Any,
    prompt: str,
    ctx: Context,
    acts: Sequence[str],
    numbers: bool = False,
    temperature: float = 0.0,
) -> dict[str, Any]:
    """A move, held to the acts that are allowed; with ``numbers`` the shares of a deal."""
    properties: dict[str, Any] = {"action": {"type": "string", "enum": list(acts)}}
    if numbers:
        properties |= {i.lower(): {"type": "integer", "minimum": 0, "maximum": 3} for i in ISSUES}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    turns = [{"role": "user", "content": prompt}]
    text = live.reply([turns], schema=schema, max_new_tokens=64, temperature=temperature, ctx=ctx)[
        0
    ]["content"]
    try:
        found = json.loads(text)
        if found["action"] in acts and (
            not numbers or all(0 <= int(found[i.lower()]) <= 3 for i in ISSUES)
        ):
            return dict(found)
    except (ValueError, KeyError, TypeError):
        pass
    return {"action": "none"}


def played(
    live: Any, d: Dialogue, characters: int, ctx: Context, temperature: float = 0.0, most: int = 14
) -> Dialogue:
    """The negotiation of ``d``'s two people, the model in the first's place, a script in the second's."""
    moves: list[Move] = []
    values = d.values
    for n in range(most):
        who, open_deal = n % 2, bool(moves) and moves[-1].kind == SUBMIT
        allowed = (ACCEPT, REJECT, LEAVE) if open_deal else ("Talk", SUBMIT, LEAVE)
        if who == 1:
            moves.append(_scripted(moves, values[1], n, most))
        else:
            at = replace(d, moves=tuple(moves))
            prompt = casino.brief(at, 0, n, characters)
            act = asked(live, prompt, ctx, allowed, temperature=temperature)["action"]
            gets: tuple[int, ...] = ()
            if act == SUBMIT:
                found = asked(live, prompt, ctx, (SUBMIT,), True, temperature)
                gets = tuple(int(found.get(i.lower(), 0)) for i in ISSUES)
            words = "What do you need the most?" if act == "Talk" else ""
            moves.append(Move(who=0, kind="say" if act == "Talk" else act, text=words, gets=gets))
        if moves[-1].kind in (ACCEPT, LEAVE, "none"):
            break
    ended = replace(d, moves=tuple(moves), points=(), satisfaction=(), liked=())
    return replace(
        ended, points=casino.points(ended), satisfaction=(None, None), liked=(None, None)
    )


def _scripted(moves: Sequence[Move], values: Mapping[str, int], n: int, most: int) -> Move:
    """Says what it wants most, then offers a deal; takes what is worth its falling threshold."""
    wanted = 24 - 10 * n / most
    best = max(ISSUES, key=lambda i: values[i])
    if moves and moves[-1].kind == SUBMIT:
        worth = sum(values[i] * (3 - g) for i, g in zip(ISSUES, moves[-1].gets, strict=True))
        return Move(who=1, kind=ACCEPT if worth >= wanted else REJECT)
    if n < 6:
        return Move(
            who=1,
            kind="say",
            text=f"I need {best.lower()} the most. I could give you some of the rest.",
        )
    order = sorted(ISSUES, key=lambda i: -values[i])
    share = dict(zip(order, (3, 2, 0) if n < 10 else (3, 1, 0), strict=True))
    return Move(who=1, kind=SUBMIT, gets=tuple(share[i] for i in ISSUES))
