"""New tasks from inspirational prompts: a scenario, two goals, a relationship, written by a model."""

from __future__ import annotations

import csv
import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from interleaf.errors import InterleafError, InvalidInput
from interleaf.interfaces import Context, Dataset, Model, ModelHandle
from interleaf.pipeline.collection import Collection
from interleaf_sotopia import leaks, reading
from interleaf_sotopia.actions import the_object
from interleaf_sotopia.config import SynthesiseConfig
from interleaf_sotopia.records import digest
from interleaf_sotopia.sample import SCENES, write_sample
from interleaf_sotopia.world import RELATIONSHIPS, Character, Scenario, Task

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "scenario": {"type": "string"}, "goal_1": {"type": "string"}, "goal_2": {"type": "string"},
        "relationship": {"type": "string", "enum": list(RELATIONSHIPS)},
    },
    "required": ["scenario", "goal_1", "goal_2", "relationship"], "additionalProperties": False,
}  # fmt: skip


def question(prompt: str, examples: Sequence[Scenario]) -> str:
    """What the model is asked."""
    shown = "\n".join(
        json.dumps({"scenario": s.scenario, "goal_1": s.goals[0], "goal_2": s.goals[1],
                    "relationship": RELATIONSHIPS[s.relationship]}) for s in examples
    )  # fmt: skip
    return (
        "Write a social situation between two people, without names, and a private goal for each; the goals "
        f"should be hard to reach together. Begin from this: {prompt}\nExamples:\n{shown}\nAnswer with one "
        "JSON object with the keys scenario, goal_1, goal_2 and relationship "
        f"({', '.join(RELATIONSHIPS)}), and nothing else."
    )


def read_task(text: str, prompt: str, people: Sequence[Character], rng: random.Random) -> Task:
    """A task from a model's reply; ValueError for what is none."""
    row = the_object(text)
    texts = [row.get(k) for k in ("scenario", "goal_1", "goal_2")]
    if not all(isinstance(t, str) and t.strip() for t in texts):
        raise ValueError("scenario, goal_1 and goal_2 are texts")
    if row.get("relationship") not in RELATIONSHIPS:
        raise ValueError(
            f"relationship is {row.get('relationship')!r}: expected one of {', '.join(RELATIONSHIPS)}"
        )
    name = digest([prompt, *texts])
    # brackets are mark-up in scenarios, and no model's reply may write mark-up
    scene, first, second = (str(t).replace("<", "‹").replace(">", "›") for t in texts)
    s = Scenario(
        id=name,
        codename=prompt[:40],
        source="synthesised",
        scenario=scene,
        goals=(first, second),
        relationship=RELATIONSHIPS.index(str(row["relationship"])),
    )
    return Task(id=f"{name}-1", scenario=s, characters=tuple(rng.sample(list(people), 2)))


def read_prompts(file: Path) -> dict[str, list[str]]:
    """Prompts by source."""
    found: dict[str, list[str]] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if not row.get("source") or not row.get("prompt"):
                raise InvalidInput(
                    f"{file} has a row without source or prompt", hint="columns: source, prompt"
                )
            found.setdefault(row["source"], []).append(row["prompt"])
    if not found:
        raise InvalidInput(f"{file} holds no prompts", hint="columns: source, prompt")
    return found


class Synthesise(Model):
    """Writes tasks with a model, none of which is an evaluation task."""

    Config = SynthesiseConfig

    def apply(
        self,
        model: ModelHandle | Model,
        evaluation: Dataset | None = None,
        ctx: Context | None = None,
    ) -> dict[str, Any]:
        """New tasks; a reply that is no task is asked for again, and then its prompt is left unused."""
        ctx, c = ctx or Context(), self.config
        rng = random.Random(ctx.seed)
        people = reading.read_all(Path(c.characters), reading.character)
        prompts = _spread(read_prompts(Path(c.prompts)), rng)
        known: list[Task] = list(evaluation or ())
        live: Any = model.load(ctx) if isinstance(model, ModelHandle) else model
        found: dict[str, Task] = {}
        failed = leaked = 0
        for prompt in prompts:
            if len(found) == c.tasks:
                break
            task = self._one(live, prompt, people, rng, ctx)
            if task is None:
                failed += 1
            elif known and leaks.found([task], known):
                leaked += 1
            else:
                found[task.id] = task
            ctx.monitor.progress(len(found), c.tasks, failed=failed, leaked=leaked)
        if not found:
            raise InterleafError(
                f"of {failed + leaked} replies none was a new task",
                hint="a stronger model, or more reasks",
            )
        if len(found) < c.tasks:
            ctx.monitor.notice(
                f"{len(found)} of {c.tasks} tasks: {failed} replies were no task, {leaked} too "
                f"near the evaluation"
            )
        return {"tasks": Collection.of(found)}

    def _one(
        self, live: Any, prompt: str, people: Sequence[Character], rng: random.Random, ctx: Context
    ) -> Task | None:
        turns = [{"role": "user", "content": question(prompt, SCENES)}]
        for attempt in range(self.config.reasks + 1):
            inner = Context(
                seed=rng.getrandbits(31) + attempt, device=ctx.device, threads=ctx.threads
            )
            text = live.reply([turns], schema=SCHEMA, ctx=inner)[0]["content"]
            try:
                return read_task(text, prompt, people, rng)
            except ValueError as error:
                turns = [*turns[:1], {"role": "model", "content": text or "(nothing)"},
                         {"role": "user", "content": f"That was no task: {error}."}]  # fmt: skip
        return None

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        folder = write_sample(Path(tempfile.mkdtemp()))
        (folder / "prompts.csv").write_text("source,prompt\na,share a bench\nb,borrow a pen\n")
        config = SynthesiseConfig(
            prompts=str(folder / "prompts.csv"),
            characters=str(folder / "characters.jsonl"),
            tasks=2,
        )
        return {"configs": [config], "calls": {"apply": [{"model": Writer()}]}}


class Writer(Model):
    """An author for tests: writes a fixed task about whatever it is asked."""

    def reply(
        self, conversations: Sequence[Any], schema: Any = None, ctx: Context | None = None
    ) -> list[dict[str, Any]]:
        """One JSON object each."""
        return [
            {"role": "model", "content": json.dumps({
                "scenario": f"Two people meet. {c[0]['content'][120:160]}", "goal_1": "Stay", "goal_2": "Go",
                "relationship": "stranger"})}
            for c in conversations
        ]  # fmt: skip


def _spread(prompts: Mapping[str, list[str]], rng: random.Random) -> list[str]:
    """One of each source in turn, none twice."""
    queues = [rng.sample(sorted(set(p)), len(set(p))) for p in prompts.values()]
    longest = max(map(len, queues))
    return [q[i] for i in range(longest) for q in queues if i < len(q)]
