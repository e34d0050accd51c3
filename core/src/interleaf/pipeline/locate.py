"""Finding a pipeline: a file, or one that a plugin ships (``gaussianimage/photo``)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from interleaf.errors import Problem, ProblemsFound, did_you_mean
from interleaf.registry.discovery import Registry, registry


def find_pipeline(ref: str) -> tuple[Path, str]:
    """The file of a pipeline and the name that messages use for it.

    A path that exists wins; else ``plugin/pipeline``. Raises ProblemsFound: E100 no such file, E2xx
    for the plugin, E203 when the plugin has no such pipeline.
    """
    path = Path(ref)
    if path.is_file() or ref.endswith((".yaml", ".yml")) or "/" not in ref:
        if not path.is_file():
            hint = "name a YAML file, or plugin/pipeline as `interleaf list` shows them"
            raise ProblemsFound([Problem("E100", f"no such file: {ref}", hint=hint)])
        return path, ref
    name, _, pipeline = ref.partition("/")
    found = pipelines_of(name)
    if pipeline not in found:
        hint = did_you_mean(pipeline, found)
        raise ProblemsFound(
            [Problem("E203", f"plugin '{name}' ships no pipeline '{pipeline}'", hint=hint)]
        )
    return found[pipeline], ref


def pipelines_of(plugin: str, known: Registry | None = None) -> dict[str, Path]:
    """The pipelines a plugin ships, by name; raises ProblemsFound (E2xx) for an unusable plugin."""
    known = known or registry()
    descriptor = known.plugin(plugin)
    if isinstance(descriptor, Problem):
        raise ProblemsFound([descriptor])
    spec = importlib.util.find_spec(known.module_of(plugin).partition(".")[0])
    folders = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    return {Path(p).stem: folder / p for folder in folders[:1] for p in descriptor.pipelines}
