"""``interleaf continual run | resume | branch | suggest | audit | plot | pack``."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf.values import Item, Table
from interleaf_continual import recipes
from interleaf_continual.recipes import Recipe, Turn, read_recipe, write_recipe

Folder = Annotated[Path, typer.Argument(help="the folder of a run")]
Out = Annotated[Path, typer.Option("--out", "-o", help="the folder to write")]
Threads = Annotated[int, typer.Option(help="0: the library's own default")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def _context(threads: int, device: str = "cpu") -> Context:
    return Context(threads=threads, device=device, monitor=_Lines())


class _Lines:
    """Progress as one line that is written over, on stderr."""

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """Step, loss, rate, time left."""
        told = "  ".join(f"{k} {v:.4g}" for k, v in info.items() if isinstance(v, int | float))
        end = "\n" if done == total else "\r"
        typer.echo(f"\x1b[K{done:g}/{total or 0:g}  {told}{end}", err=True, nl=False)

    def notice(self, message: str) -> None:
        """A line of its own."""
        typer.echo(message, err=True)


def _parameters(words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(f"'{word}' is no parameter", hint="NAME=VALUE, such as layers=4")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _each(words: list[Any], count: int, what: str, default: Any) -> list[Any]:
    """One value for each stage: as many as stages, or one for all."""
    if len(words) not in (0, 1, count):
        raise InvalidInput(
            f"{len(words)} times --{what} for {count} stages", hint="one, or one each"
        )
    return words if len(words) == count else (words or [default]) * count


def run(
    data: Annotated[list[Path], typer.Argument(help="texts or token folders, a stage each")],
    out: Out,
    steps: Annotated[list[int], typer.Option(help="of every stage, or one for each")] = [500],  # noqa: B006
    replay: Annotated[list[float], typer.Option(help="part of a later stage's compute")] = [],  # noqa: B006
    model: Annotated[str, typer.Option(help="any TorchModel for language")] = "continual.gpt",
    set_: Annotated[list[str], typer.Option("--set", help="NAME=VALUE of the model")] = [],  # noqa: B006
    schedule: Annotated[str, typer.Option(help="rewarm, infinite or wsd")] = "rewarm",
    peak: Annotated[float, typer.Option(help="learning rate")] = 3e-3,
    constant: Annotated[float, typer.Option(help="of the infinite schedule")] = 1.65e-3,
    floor: Annotated[float, typer.Option(help="learning rate at the end")] = 3e-4,
    warmup: Annotated[float, typer.Option(help="below 1 a part, else steps")] = 0.02,
    cooldown: Annotated[
        int, typer.Option(help="steps of the infinite one; 0: 60 % of stage 1")
    ] = 0,
    window: Annotated[int, typer.Option(help="tokens in a sample")] = 128,
    batch: Annotated[int, typer.Option(help="samples in a step")] = 16,
    seed: int = 0,
    tokenizer: Annotated[Path | None, typer.Option(help="a tokenizer.json; else bytes")] = None,
    checkpoint_every: Annotated[int, typer.Option(help="steps")] = 100,
    keep: Annotated[int, typer.Option(help="checkpoints of each stage")] = 3,
    threads: Threads = 0,
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
) -> None:
    """Train through data sets in turn; run it again, or `resume`, to go on after a stop."""
    n = len(data)
    parts = _each(replay, n - 1, "replay", 0.05) if n > 1 else []
    turns = [
        Turn(data=str(d.resolve()), steps=s, replay=r)
        for d, s, r in zip(data, _each(steps, n, "steps", 500), [0.0, *parts], strict=True)
    ]
    recipe = Recipe(
        turns=tuple(turns), model=model, parameters=_parameters(set_), schedule=schedule, peak=peak,
        constant=constant, floor=floor, warmup=warmup, cooldown=cooldown, window=window, batch=batch,
        seed=seed, tokenizer=str(tokenizer) if tokenizer else None,
        checkpoint_every=checkpoint_every, keep=keep,
    )  # fmt: skip
    if (out / "run.json").is_file() and read_recipe(out) != recipe:
        raise InvalidInput(
            f"{out} holds another run", hint=f"another folder, or: interleaf continual resume {out}"
        )
    write_recipe(out, recipe)
    _told(out, recipes.train(out, recipe, _context(threads, device)))


def resume(
    folder: Folder,
    add: Annotated[Path | None, typer.Option(help="one more data set")] = None,
    steps: Annotated[int, typer.Option(help="of the added stage")] = 500,
    replay: Annotated[float, typer.Option(help="of everything consumed so far")] = 0.05,
    threads: Threads = 0,
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
) -> None:
    """Go on with a run that was stopped, or with further data."""
    recipe = read_recipe(folder)
    if add is not None:
        turn = Turn(data=str(add.resolve()), steps=steps, replay=replay)
        recipe = dataclasses.replace(recipe, turns=(*recipe.turns, turn))
        write_recipe(folder, recipe)
    _told(folder, recipes.train(folder, recipe, _context(threads, device)))


def branch(
    folder: Folder,
    at: Annotated[int, typer.Option(help="step of the stage to leave it at")],
    anneal: Annotated[int, typer.Option(help="steps down to the floor")],
    stage: Annotated[int | None, typer.Option(help="counted from 0; the last")] = None,
    threads: Threads = 0,
    device: Annotated[str, typer.Option(help="as torch spells it")] = "cpu",
) -> None:
    """Anneal from a checkpoint into a folder of its own; the run goes on from before it."""
    print(recipes.branch(folder, at, anneal, stage, _context(threads, device)))


def _told(folder: Path, log: Table) -> None:
    last = log.rows[-1]
    for name, value in last.items():
        if name == "loss" or name.startswith("held_out."):
            print(f"{name:40} {value:.4f}")
    print(folder / "model")


def suggest(
    d0_loss: Annotated[
        float, typer.Option(help="on the old data, before the update; bits per byte")
    ],
    d1_loss: Annotated[float, typer.Option(help="on the new data, before the update")],
    tolerance: Annotated[float, typer.Option(help="forgetting that is allowed, same unit")],
    unreplayed: Annotated[
        float | None, typer.Option(help="forgetting measured in a short run without replay")
    ] = None,
    as_json: Json = False,
) -> None:
    """How much to replay, and where that number comes from."""
    from interleaf_continual.advice import most_measured
    from interleaf_continual.advice import suggest as advised

    if not tolerance > 0 or min(d0_loss, d1_loss) <= 0:
        raise InvalidInput("losses and the tolerance are above 0", hint="--tolerance 0.05")
    found = advised(d0_loss, d1_loss, tolerance, unreplayed)
    if as_json:
        print(json.dumps(dataclasses.asdict(found), indent=1))
        return
    most = f"more than {100 * most_measured():g} %, beyond what was measured"
    answer = most if found.fraction is None else f"{100 * found.fraction:g} %"
    print(f"replay {answer}: a {found.kind} shift of {found.shift:.3f}")
    print("\n  replay   forgetting   adaptation lost")
    for row in found.expected:
        cost = 100 * row["adaptation_lost"]
        print(f"  {100 * row['fraction']:5.1f} %   {row['forgetting']:10.3f}   {cost:13.1f} %")
    print("\nfrom:")
    for line in found.origin:
        print(f"  {line}")


def audit(
    new: Annotated[Path, typer.Argument(help="a text or a token folder")],
    old: Annotated[list[Path], typer.Option(help="to be replayed, several times")] = [],  # noqa: B006
    fraction: Annotated[float, typer.Option(help="replayed")] = 0.0,
    mode: Annotated[
        str, typer.Option(help="equal_compute, additive or per_batch")
    ] = "equal_compute",
    window: int = 128,
    batch: int = 16,
    samples: Annotated[int, typer.Option(help="0: until every new window came once")] = 0,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Count how often every window of every source comes."""
    import interleaf
    from interleaf_continual.auditing import coverage

    empty = Recipe(turns=())
    mix = interleaf.load(
        "continual.replay", fraction=fraction, mode=mode, window=window, batch=batch, seed=seed
    ).open(  # type: ignore[attr-defined]
        new=recipes.corpus_of(empty, str(new), "all"),
        old=[recipes.corpus_of(empty, str(o), "all") for o in old],
    )
    found = coverage(mix, samples or len(mix))
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"{found['samples']:,} samples of {window} tokens, {100 * found['realised_fraction']:g} % old"
    )
    for s in found["sources"]:
        times = ", ".join(f"{n:,} windows {t}×" for t, n in s["times"].items())
        print(f"  {s['source']:6} {s['samples']:>10,} samples of {s['windows']:,} windows: {times}")
        if s["unused_tokens"]:
            print(f"         {s['unused_tokens']:,} tokens are in no window")


def plot(
    folders: Annotated[list[Path], typer.Argument(help="runs to compare")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the SVG to write")],
    title: str = "",
) -> None:
    """Draw the held-out losses of runs over steps."""
    from interleaf.pipeline.files import write_atomic
    from interleaf_continual import plots
    from interleaf_continual.drawing import panels

    logs = [Item(_log(folder / "log.csv"), folder.name) for folder in folders]
    write_atomic(out, plots.curves(panels(logs), title))
    print(out)


def _log(file: Path) -> Table:
    """The log of a run."""
    if not file.is_file():
        raise InvalidInput(f"{file} is not there", hint="a run writes it when it ends")
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    try:
        found = [{k: float(v) if v else None for k, v in row.items()} for row in rows]
    except (TypeError, ValueError):
        raise InvalidInput(f"{file} is no log of a run") from None
    return Table.from_rows(found)


def pack(
    text: Annotated[Path, typer.Argument(help="a text, or a folder of them")],
    out: Out,
    tokenizer: Annotated[Path | None, typer.Option(help="a tokenizer.json; else bytes")] = None,
    as_json: Json = False,
) -> None:
    """Write texts as a token file that is mapped, not read."""
    from interleaf_continual.reading import read_works, tokenize, write_tokens

    pieces, identity = tokenize(read_works(text).values(), str(tokenizer) if tokenizer else None)
    header = write_tokens(out, pieces, identity)
    if as_json:
        print(json.dumps(header))
        return
    print(f"{out}: {header['count']:,} tokens in {len(pieces):,} documents, {header['dtype']}")
