"""What a fresh interpreter sees of a plugin: ``python -m interleaf.testing.spawned NAME FILE``.

Writes JSON: modules that importing the descriptor loaded, what it printed, and for every component
whether making it did any I/O, and the digests of its examples.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

WATCHED = ("open", "os.mkdir", "os.remove", "os.rename", "socket.connect", "subprocess.Popen")


def module_of(name: str) -> str:
    """The light module of an installed plugin, from its entry point."""
    return next(e.module for e in metadata.entry_points(group="interleaf.plugins", name=name))


def light(name: str) -> dict[str, Any]:
    """Foreign packages that the descriptor's import loads, and what it prints."""
    import interleaf  # noqa: F401  (what it loads itself is not the plugin's)

    before = set(sys.modules)
    module, out = module_of(name), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        importlib.import_module(module)
    roots = {m.partition(".")[0] for m in set(sys.modules) - before}
    own = module.partition(".")[0]
    heavy = sorted(roots - {own, "interleaf"} - set(sys.stdlib_module_names))
    own_modules = sorted(m for m in set(sys.modules) - before if m.startswith(own + "."))
    return {"heavy": heavy, "printed": out.getvalue()[:200], "modules": own_modules}


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """The I/O events of the block; audit hooks stay, so the block switches this one off."""
    events: list[str] = []
    active = [True]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if active[0] and event in WATCHED:
            events.append(f"{event} {args[0] if args else ''}"[:80])

    sys.addaudithook(hook)
    try:
        yield events
    finally:
        active[0] = False


def component(ref: str) -> dict[str, Any]:
    """I/O of the constructor, digests of every example, fingerprints of datasets."""
    from interleaf.testing.datasets import all_opened, content
    from interleaf.testing.subject import Subject

    subject = Subject.of(ref)
    with watched() as events:
        for config in subject.examples.configs:
            subject.make(config)
    found: dict[str, Any] = {"io": events, "digests": [], "fingerprints": []}
    if subject.spec.deterministic:
        found["digests"] = [subject.digest(*case) for case in subject.cases()]
    if subject.spec.interface.__name__ == "Dataset":
        found["fingerprints"] = [[d.fingerprint(), content(d)] for d in all_opened(subject)]
    return found


def main(name: str, refs: list[str], file: Path) -> None:
    """Write what was found; a component that raises leaves its error instead."""
    result: dict[str, Any] = {"light": light(name), "components": {}}
    for ref in refs:
        try:
            result["components"][ref] = component(ref)
        except Exception as error:
            result["components"][ref] = {"error": f"{type(error).__name__}: {error}"}
    file.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[3:], Path(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)  # a thread that a plugin left running must not keep us
