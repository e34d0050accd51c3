"""``interleaf sotopia import | filter | train | rate``: what goes into a study, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf_sotopia.commands import Lines, StorePath

Out = Annotated[Path, typer.Option("--out", "-o", help="the file or folder to write")]


def import_(
    files: Annotated[
        list[Path], typer.Argument(help="episodes: ours (.jsonl, .parquet) or EpisodeLogs")
    ],
    store: Annotated[Path, typer.Option(help="the study's SQLite file; made if need be")],
    scenarios: Annotated[Path | None, typer.Option(help="of the EpisodeLogs")] = None,
    characters: Annotated[Path | None, typer.Option(help="of the EpisodeLogs")] = None,
) -> None:
    """Take in finished episodes and their ratings; what is known already is left as it is."""
    from interleaf_sotopia.exchange import is_log, read_episodes, read_logs
    from interleaf_sotopia.journal import judgement_written
    from interleaf_sotopia.reading import character, read_all, rows, scenario
    from interleaf_sotopia.store import Store

    found: list[tuple[list[Any], list[Any]]] = []
    for file in files:
        _, first = next(iter(rows(file)), ("", {}))
        if not is_log(first):
            found.append((read_episodes(file), []))
            continue
        if scenarios is None or characters is None:
            raise InvalidInput(
                f"{file} holds EpisodeLogs", hint="--scenarios FILE --characters FILE"
            )
        scenes = {s.id: s for s in read_all(scenarios, scenario)}
        people = {c.id: c for c in read_all(characters, character)}
        found.append(read_logs(file, scenes, people))
    with Store(store, writing=True) as opened:
        for file, (episodes, ratings) in zip(files, found, strict=True):
            new = opened.add_episodes(episodes)
            for row in ratings:
                opened.execute(judgement_written(row))
            failed = sum(r["status"] != "done" for r in ratings)
            told = f", {len(ratings) - failed} ratings, {failed} that failed" if ratings else ""
            print(f"{file}: {new} new of {len(episodes)} episodes{told}")


def filter_(
    store: StorePath,
    out: Out,
    how: Annotated[str, typer.Option("--filter", help="bc, sr, advantage or all")] = "bc",
    model: Annotated[str, typer.Option(help="learn from agents played by this model alone")] = "",
    measure: Annotated[str, typer.Option(help="the rating that decides")] = "goal",
    top_k: Annotated[int, typer.Option(help="bc: of each task and role", min=1)] = 2,
    top_frac: Annotated[float, typer.Option(help="sr, advantage: the share that is kept")] = 0.2,
    style: Annotated[str, typer.Option(help="full or brief: how the prompts read")] = "full",
    evaluation: Annotated[
        Path | None, typer.Option(help="scenarios that must not be learnt from")
    ] = None,
) -> None:
    """Rated episodes into conversations to learn from, JSON lines, as `train` and gemma.conversations
    read."""
    from interleaf.pipeline.files import write_atomic
    from interleaf_sotopia import leaks, rating, summary
    from interleaf_sotopia.components import Pairs
    from interleaf_sotopia.config import PairsConfig
    from interleaf_sotopia.reading import read_all, scenario
    from interleaf_sotopia.records import DONE
    from interleaf_sotopia.store import Store

    if how not in ("bc", "sr", "advantage", "all"):
        raise InvalidInput(f"--filter is '{how}'", hint="expected bc, sr, advantage or all")
    with Store(store) as opened:
        episodes = list(opened.episodes(DONE))
        judgements = opened.judgements()
    if evaluation is not None:
        leaks.refuse([e.task.scenario for e in episodes], read_all(evaluation, scenario))
    which = summary.rated_dimensions(judgements)
    report = rating.report(episodes, rating.together(judgements, which), which)
    asked: dict[str, Any] = {"filter": how, "model": model, "measure": measure, "style": style}
    config = PairsConfig(top_k=top_k, top_frac=top_frac, **asked)
    kept = Pairs(config).kept(episodes, report)
    text = "".join(json.dumps({"messages": turns}, ensure_ascii=False) + "\n" for turns in kept)
    write_atomic(out, text.encode())
    print(f"{out}: {len(kept)} turns of {len(episodes)} episodes")


def train(
    data: Annotated[Path, typer.Argument(help="what `filter` wrote")],
    out: Out,
    model: Annotated[
        str, typer.Option(help="a torch chat model: gemma.decoder or gemma.decoder:FOLDER")
    ] = "gemma.decoder",
    earlier: Annotated[
        Path | None, typer.Option(help="earlier data to replay: self-reinforcement")
    ] = None,
    replay: Annotated[float, typer.Option(help="its share")] = 0.25,
    steps: Annotated[int, typer.Option(min=1)] = 200,
    batch: Annotated[int, typer.Option(min=1)] = 8,
    lr: Annotated[float, typer.Option(help="learning rate")] = 5e-4,
    rank: Annotated[
        int, typer.Option("--lora", help="rank of LoRA adapters, merged at the end; 0: all weights")
    ] = 0,
    seed: int = 0,
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
) -> None:
    """Behaviour cloning, or with --earlier self-reinforcement; the loss counts the agent's turns alone."""
    from interleaf import load
    from interleaf.pipeline.files import folder_atomic
    from interleaf_sotopia.components import conversations
    from interleaf_sotopia.config import TuneConfig

    try:
        from interleaf_sotopia.tuning import Reinforce
    except ImportError as error:
        from interleaf.errors import PluginMissing

        raise PluginMissing(
            f"training needs torch: {error}", hint="pip install 'interleaf-sotopia[train]'"
        ) from None
    if out.exists():
        raise InvalidInput(f"{out} exists already", hint="name a new folder")
    pairs: Any = conversations(data)
    replayed = conversations(earlier) if earlier else None
    reference, _, folder = model.partition(":")
    start: Any = load(reference, **({"weights": folder} if folder else {}))
    config = TuneConfig(steps=steps, batch=batch, lr=lr, rank=rank, replay=replay)
    made = Reinforce(config).fit(
        start, pairs, replayed, ctx=Context(seed=seed, device=device, monitor=Lines())
    )
    with folder_atomic(out) as unfinished:
        made["model"].save(unfinished)
    with (out.parent / f"{out.name}.lineage.jsonl").open("a") as file:
        file.writelines(
            json.dumps({"model": str(out), **row}) + "\n" for row in made["lineage"].rows
        )
    print(f"{out}: loss {made['log'].rows[-1]['loss']:.4f} nats a token, {len(pairs)} pairs")


def rate(
    store: StorePath,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="the page to write")] = None,
    ratings: Annotated[
        list[Path], typer.Option(help="ratings.csv that people saved from the page")
    ] = [],  # noqa: B006
    count: Annotated[
        int, typer.Option(help="conversations on the page, drawn at random; 0: all")
    ] = 20,
    seed: int = 0,
    json_: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """A page on which people rate blindly (--out); then the judge against these people (--ratings)."""
    import random

    from interleaf.pipeline.files import write_atomic
    from interleaf_sotopia import blind
    from interleaf_sotopia.records import DONE
    from interleaf_sotopia.store import Store

    if (out is None) == (not ratings):
        raise InvalidInput(
            "write a page, or read what was saved from it",
            hint="--out PAGE.html, or --ratings FILE",
        )
    with Store(store) as opened:
        episodes = list(opened.episodes(DONE))
        judgements = opened.judgements()
    if out is not None:
        chosen = random.Random(seed).sample(episodes, min(count or len(episodes), len(episodes)))
        write_atomic(out, blind.html(chosen, "Rate these conversations", seed).encode())
        print(f"{out}: {len(chosen)} conversations")
        return
    told = blind.compared([r for f in ratings for r in blind.read_ratings(f, episodes)], judgements)
    if json_:
        print(json.dumps(told, indent=1))
        return
    for row in told:
        value = "–" if row["value"] is None else f"{row['value']:.3f}"
        bounds = (
            f"  [{row['interval'][0]:.3f}, {row['interval'][1]:.3f}]" if row["interval"] else ""
        )
        print(
            f"{row['measure']:14} {row['group']:24} {value}{bounds}  n {row['n']}  {row['reason']}"
        )
