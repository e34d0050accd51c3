"""Interleaf from Python: load a component, run a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interleaf.errors import Problem, ProblemsFound
from interleaf.interfaces.component import Component
from interleaf.pipeline.locate import find_pipeline
from interleaf.pipeline.params import check_params, fields_of, plain, port_interface
from interleaf.pipeline.plan import load_plan
from interleaf.pipeline.runner import RunOptions, RunResult, run_plan
from interleaf.registry.live import config_type, find, load_class


def load(ref: str, **params: Any) -> Component:
    """A component ready to call, ``interleaf.load("gaussianimage.fit", points=500)(image=…)``.

    ``params`` are checked like the ``with`` of a step; a port (``lr``) takes a live component. Raises
    ProblemsFound naming every wrong parameter.
    """
    cls = config_type(ref, find(ref))
    ports = {n for n, (a, _) in fields_of(cls).items() if port_interface(a)}
    live = {n: v for n, v in params.items() if n in ports}
    problems: list[Problem] = []

    def complain(code: str, path: str, message: str, hint: str) -> None:
        problems.append(Problem(code, message, ref + path.removeprefix("with"), hint=hint))

    raw = {n: plain(v) for n, v in params.items() if n not in ports}
    values = check_params(raw, [cls], "with", lambda path: Path.cwd(), complain)[0]
    if problems:
        raise ProblemsFound(problems)
    from interleaf.pipeline.params import build

    return load_class(ref)(build(cls, values, live))


def run(
    pipeline: str | Path,
    *,
    out: str | Path | None = None,
    store: str = "",
    seed: int | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    threads: int = 0,
    jobs: int = 1,
    nproc: int = 1,
    executor: str = "",
    settings: Mapping[str, Any] | None = None,
    **variables: Any,
) -> RunResult:
    """Run a pipeline file or ``plugin/pipeline`` with its vars as keywords.

    ``settings`` sets parameters by path (``{"steps.codec.with.points": 9}``). Returns outputs,
    metrics and values; raises InterleafError when the document or a step is wrong.
    """
    file, shown = find_pipeline(str(pipeline))
    given = {
        n: str(v) if isinstance(v, Path) else v
        for n, v in {**variables, **(settings or {})}.items()
    }
    plan = load_plan(file, given, shown=shown, seed=seed)
    options = RunOptions(
        out=Path(out) if out else None,
        store=store,
        device=device,
        dtype=dtype,
        threads=threads,
        jobs=jobs,
        nproc=nproc,
        executor=executor,
    )
    return run_plan(plan, options)
