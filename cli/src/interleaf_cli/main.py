"""The commands and their options; what they do stands in the modules they call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("TYPER_USE_RICH", "0")

import typer

from interleaf_cli.failing import reported
from interleaf_cli.plugin_commands import PluginGroup
from interleaf_cli.settings import LEVELS, Settings

app = typer.Typer(
    cls=PluginGroup,
    no_args_is_help=True,
    add_completion=False,
    help="Every paper is a plugin; a YAML file names their parts; the output of one feeds the next.",
)
runs_app = typer.Typer(add_completion=False, help="Earlier runs.", invoke_without_command=True)
store_app = typer.Typer(add_completion=False, no_args_is_help=True, help="What the store holds.")
app.add_typer(runs_app, name="runs")
app.add_typer(store_app, name="store")

Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps")]
Dtype = Annotated[str | None, typer.Option(help="float32, bfloat16, float16")]
Threads = Annotated[int | None, typer.Option(min=0, help="of one step; 0: the library's default")]
Jobs = Annotated[int | None, typer.Option(min=1, help="steps at the same time, in processes")]
Nproc = Annotated[
    int | None, typer.Option(min=1, help="processes that train one model together (torchrun)")
]
StorePlace = Annotated[
    str | None, typer.Option("--store", help="a folder, memory: or a plugin's URI")
]
Seed = Annotated[int | None, typer.Option(help="instead of the pipeline's")]
Json = Annotated[bool, typer.Option("--json", help="results as JSON on stdout")]
Level = Annotated[str | None, typer.Option("--log-level", help=", ".join(LEVELS))]
Pipeline = Annotated[str, typer.Argument(help="a YAML file, or plugin/pipeline")]
Words = Annotated[
    list[str] | None, typer.Argument(metavar="[K=V]...", help="vars, or paths with dots")
]


def _version(wanted: bool) -> None:
    if wanted:
        import interleaf

        print(f"interleaf {interleaf.__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    jobs: Jobs = None,
    nproc: Nproc = None,
    store: StorePlace = None,
    seed: Seed = None,
    log_level: Level = None,
    json: Json = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Options that stand before a command."""
    ctx.obj = _over(
        Settings(), device=device, dtype=dtype, threads=threads, jobs=jobs, nproc=nproc, store=store,
        seed=seed, level=log_level, json=json,
    )  # fmt: skip


def _over(settings: Settings, **given: Any) -> Settings:
    if given.get("level") not in (None, *LEVELS):
        raise typer.BadParameter(f"expected one of {', '.join(LEVELS)}", param_hint="--log-level")
    return settings.over(**given)


@app.command("list")
def list_(ctx: typer.Context, json: Json = False) -> None:
    """Plugins: installed, broken, and known but not installed."""
    from interleaf_cli.listing import show_rows

    with reported():
        show_rows(as_json=ctx.obj.over(json=json).json)


@app.command()
def info(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(help="plugin, plugin.component or plugin/pipeline")],
    json: Json = False,
) -> None:
    """A plugin, a component with its ports and parameters, or a pipeline with its vars."""
    from interleaf_cli.info import show_info

    with reported():
        show_info(ref, ctx.obj.over(json=json))


@app.command()
def validate(
    ctx: typer.Context, pipeline: Pipeline, settings: Words = None, json: Json = False
) -> None:
    """Check a pipeline without importing anything heavy; vars that are ??? may stay unset."""
    from interleaf_cli.checking import show_validation

    with reported():
        show_validation(pipeline, settings or [], ctx.obj.over(json=json))


@app.command()
def graph(
    ctx: typer.Context,
    pipeline: Pipeline,
    settings: Words = None,
    form: Annotated[str, typer.Option("--format", help="text, mermaid or dot")] = "text",
) -> None:
    """The steps of a pipeline and what flows between them."""
    from interleaf_cli.checking import show_graph

    with reported():
        show_graph(pipeline, settings or [], form)


@app.command()
def run(
    ctx: typer.Context,
    pipeline: Pipeline,
    settings: Words = None,
    out: Annotated[Path | None, typer.Option(help="folder for this run [runs/NAME/STAMP]")] = None,
    keep: Annotated[list[str] | None, typer.Option(help="accept a step's old result")] = None,
    explain: Annotated[list[str] | None, typer.Option(help="say why a step runs again")] = None,
    locked: Annotated[Path | None, typer.Option(help="refuse to differ from this manifest")] = None,
    executor: Annotated[str, typer.Option(help="a plugin's executor, by URI")] = "",
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    jobs: Jobs = None,
    nproc: Nproc = None,
    store: StorePlace = None,
    seed: Seed = None,
    log_level: Level = None,
    json: Json = False,
) -> None:
    """Run a pipeline; what has not changed comes from the store."""
    from interleaf_cli.running import run_pipeline

    chosen: Settings = _over(
        ctx.obj, device=device, dtype=dtype, threads=threads, jobs=jobs, nproc=nproc, store=store,
        seed=seed, level=log_level, json=json,
    )  # fmt: skip
    extra = {
        "out": out,
        "keep": tuple(keep or ()),
        "explain": tuple(explain or ()),
        "locked": locked,
        "executor": executor,
    }
    with reported(chosen.shows("debug")):
        raise typer.Exit(run_pipeline(pipeline, settings or [], chosen, extra))


FOLDER = Annotated[Path, typer.Option("--folder", help="where runs lie")]


@runs_app.callback()
def runs(ctx: typer.Context, folder: FOLDER = Path("runs"), json: Json = False) -> None:
    """Earlier runs, the latest first."""
    from interleaf_cli.runs import show_runs

    if ctx.invoked_subcommand is None:
        with reported():
            show_runs(folder, ctx.obj.over(json=json))


@runs_app.command()
def compare(ctx: typer.Context, first: Path, second: Path, json: Json = False) -> None:
    """How two runs differ: metrics, steps, versions. Name their folders or manifests."""
    from interleaf_cli.runs import show_comparison

    with reported():
        show_comparison(first, second, ctx.obj.over(json=json))


@store_app.command()
def du(ctx: typer.Context, store: StorePlace = None, json: Json = False) -> None:
    """How much room each step's results take."""
    from interleaf_cli.storing import show_usage

    with reported():
        show_usage(ctx.obj.over(store=store, json=json))


@store_app.command()
def gc(
    ctx: typer.Context,
    days: Annotated[float, typer.Option(min=0, help="delete what was not used for so long")] = 30.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would go")] = False,
    store: StorePlace = None,
    json: Json = False,
) -> None:
    """Delete results that were not used for a while; they can be computed again."""
    from interleaf_cli.storing import collect_garbage

    with reported():
        collect_garbage(ctx.obj.over(store=store, json=json), days, dry_run)


@store_app.command()
def path(ctx: typer.Context, store: StorePlace = None) -> None:
    """Where the store lies."""
    from interleaf_cli.storing import show_path

    with reported():
        show_path(ctx.obj.over(store=store))


@app.command()
def doctor(ctx: typer.Context, json: Json = False) -> None:
    """What this interpreter sees, and what is wrong with it; exit code 5 when something is."""
    from interleaf_cli.doctor import show_doctor

    with reported():
        raise typer.Exit(show_doctor(ctx.obj.over(json=json)))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="of the plugin")],
    provides: Annotated[
        list[str] | None, typer.Option(metavar="INTERFACE:NAME", help="what it has [model:NAME]")
    ] = None,
    into: Annotated[Path, typer.Option(help="folder to write into")] = Path("."),
) -> None:
    """Write a plugin to begin with: it installs, passes `check` and runs as it is."""
    from interleaf_cli.new import new_plugin

    with reported():
        folder = new_plugin(name, provides or [], into)
        print(folder)
        print(f"next: pip install -e {folder} && interleaf check {name.replace('-', '_')}")


@app.command()
def check(
    ctx: typer.Context,
    plugins: Annotated[list[str] | None, typer.Argument(help="names or folders [all]")] = None,
    profile: Annotated[str, typer.Option(help="quick or full")] = "quick",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="every check")] = False,
    json: Json = False,
) -> None:
    """Hold plugins to their promises with the conformance kit; exit code 5 on a failure."""
    from interleaf_cli.conforming import check_plugins

    with reported():
        chosen = ctx.obj.over(json=json)
        raise typer.Exit(check_plugins(plugins or [], profile, verbose, chosen))


@app.command()
def install(
    names: Annotated[list[str], typer.Argument(help="plugins of the catalogue")],
    find_links: Annotated[str, typer.Option(help="a folder of wheels, as pip's option")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print the command")] = False,
) -> None:
    """Install plugins of the catalogue with pip, after printing the exact command."""
    from interleaf_cli.installing import install_plugins

    with reported():
        raise typer.Exit(install_plugins(names, find_links, dry_run))
