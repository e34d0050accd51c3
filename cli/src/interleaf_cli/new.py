"""``interleaf new``: a plugin to begin with, which passes ``check`` as it is."""

from __future__ import annotations

import keyword
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

from interleaf.errors import InvalidInput
from interleaf.registry import catalogue, registry
from interleaf_cli.settings import UsageError

INTERFACES = ("dataset", "model", "schedule", "renderer", "evaluator")
NOT_WORDS = ("null", "true", "false")  # YAML reads them as values
IMPORTED = frozenset(  # by the templates, so that no class may have these names
    ("Any", "Artifact", "Dataset", "Domain", "Evaluator", "Image", "Iterator", "Mapping", "Measure")
) | {"Model", "Renderer", "Report", "Schedule"}
WIDTH = 100  # of a line of the code that is written
CONFIG_HEAD = '''"""Parameters of the components of ``{name}``; light, like the descriptor."""

from dataclasses import dataclass
from typing import Annotated

from interleaf.params import {bounds}


'''


@dataclass(frozen=True, slots=True)
class Part:
    """One component to provide: its interface, its names, and the sections of its template."""

    interface: str
    component: str
    title: str  # the name of its class
    sections: Mapping[str, str]


def new_plugin(name: str, provides: Sequence[str], into: Path) -> Path:
    """Write ``interleaf-NAME`` into a folder; it appears whole or not at all.

    Raises UsageError for wrong words, InvalidInput for a name that is taken or a folder that exists.
    """
    plugin = name.replace("-", "_")
    _check_name(name, plugin)
    parts = [_part(plugin, words) for words in provides or [f"model:{plugin}"]]
    if len({p.title for p in parts}) < len(parts):
        raise UsageError("two components have one name", hint="--provides INTERFACE:NAME")
    if not into.is_dir():
        raise UsageError(f"{into} is no folder", hint="make it first, or leave --into out")
    folder = into / f"interleaf-{plugin.replace('_', '-')}"
    if folder.exists():
        raise InvalidInput(f"{folder} exists already", hint="choose another name, or --into FOLDER")
    with tempfile.TemporaryDirectory(dir=into, prefix=".interleaf-") as partial:
        whole = Path(partial) / folder.name
        for path, text in contents(plugin, parts).items():
            (whole / path).parent.mkdir(parents=True, exist_ok=True)
            (whole / path).write_text(text, encoding="utf-8")
        whole.rename(folder)
    return folder


def _check_name(name: str, plugin: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", plugin) or keyword.iskeyword(plugin):
        hint = "small letters, digits and single _ or -, beginning with a letter"
        raise UsageError(f"'{name}' cannot name a plugin", hint=hint)
    taken = {*registry().records, *catalogue(), *_commands()}
    if plugin in taken or find_spec(f"interleaf_{plugin}"):
        raise InvalidInput(
            f"the plugin name '{plugin}' is taken", hint="interleaf list and --help show by whom"
        )


def _commands() -> set[str]:
    """The command line's own words, which no plugin's commands could be reached behind."""
    from interleaf_cli.main import app

    groups = {str(group.name) for group in app.registered_groups}
    commands = (c.name or c.callback.__name__ for c in app.registered_commands if c.callback)
    return {*groups, *commands}


def _part(plugin: str, words: str) -> Part:
    interface, _, component = words.partition(":")
    component = component or plugin
    word = re.fullmatch(r"[a-z][a-z0-9_]*", component) and component not in NOT_WORDS
    if interface not in INTERFACES or not word or keyword.iskeyword(component):
        hint = f"--provides INTERFACE:NAME, with {', '.join(INTERFACES)}"
        raise UsageError(f"'{words}' is nothing that can be provided", hint=hint)
    title = "".join(word.capitalize() for word in component.split("_"))
    title += interface.capitalize() if title in IMPORTED else ""
    text = Template(_template(f"{interface}.txt")).substitute(
        {"name": plugin, "component": component, "Class": title}
    )
    return Part(interface, component, title, _sections(text))


def _template(name: str) -> str:
    return files("interleaf_cli").joinpath("templates", name).read_text(encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    """``== title`` lines divide a template."""
    found: dict[str, str] = {}
    for block in text.split("\n== "):
        title, _, body = block.removeprefix("== ").partition("\n")
        found[title.strip()] = body.rstrip("\n") + "\n" if body.strip() else ""
    return found


def contents(plugin: str, parts: Sequence[Part]) -> dict[str, str]:
    """Every file of the package, by its path."""
    package = f"src/interleaf_{plugin}"
    interfaces = sorted({p.interface.capitalize() for p in parts})
    calls = ["Call"] if {p.interface for p in parts} - {"schedule"} else []
    needed = dict.fromkeys(
        line for p in parts for line in p.sections.get("dependencies", "").split()
    )
    values = {
        "name": plugin,
        "dash": plugin.replace("_", "-"),
        "interfaces": ", ".join(interfaces),
        "plugin_names": ", ".join([*calls, "Plugin", "component"]),
        "components": "".join(p.sections["component"] for p in parts),
        "dependencies": "".join(f', "{line}"' for line in needed),
        "rows": "\n".join(f"| `{plugin}.{p.component}` | |" for p in parts),
    }

    def filled(name: str) -> str:
        return Template(_template(f"{name}.txt")).substitute(values)

    return {
        "pyproject.toml": filled("pyproject.toml"),
        "README.md": filled("README.md"),
        f"{package}/__init__.py": f'"""Interleaf plugin ``{plugin}``."""\n',
        f"{package}/py.typed": "",
        f"{package}/plugin.py": filled("plugin.py"),
        f"{package}/config.py": _config(plugin, parts),
        f"{package}/components.py": _components(plugin, parts),
        f"{package}/pipelines/demo.yaml": _pipeline(plugin, parts),
        f"tests/test_{plugin}.py": filled("test.py"),
    }


def _config(plugin: str, parts: Sequence[Part]) -> str:
    classes = [p.sections["config"] for p in parts]
    bounds = [b for b in ("Ge", "Gt") if any(f"{b}(" in c for c in classes)]
    return CONFIG_HEAD.format(name=plugin, bounds=", ".join(bounds)) + "\n\n".join(classes)


def _components(plugin: str, parts: Sequence[Part]) -> str:
    """All classes in one module, their imports merged."""
    plain: dict[str, None] = {}
    named: dict[str, set[str]] = {}
    for line in (line for p in parts for line in p.sections["imports"].splitlines()):
        module, _, names = line.removeprefix("from ").partition(" import ")
        if names:
            named.setdefault(module, set()).update(names.split(", "))
        elif line:
            plain[line] = None
    own = f"interleaf_{plugin}.config"
    named[own] = {f"{p.title}Config" for p in parts}
    standard = [_import(m, named[m]) for m in sorted(named) if not m.startswith("interleaf")]
    ours = [_import(m, named[m]) for m in sorted(named) if m.startswith("interleaf.")]
    groups = [standard, [*plain, *ours], [_import(own, named[own])]]
    head = "\n\n".join("\n".join(group) for group in groups if group)
    code = "\n\n".join(p.sections["code"] for p in parts)
    return f'"""The components of ``{plugin}``."""\n\n{head}\n\n\n{code}'


def _import(module: str, names: set[str]) -> str:
    """One import, over several lines where one is not enough."""
    ordered = sorted(names, key=str.lower)
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"from {module} import (", *(f"    {n}," for n in ordered), ")"])


def _pipeline(plugin: str, parts: Sequence[Part]) -> str:
    steps = dict.fromkeys(line for p in parts for line in p.sections["steps"].splitlines())
    outputs = dict.fromkeys(line for p in parts for line in p.sections["output"].splitlines())
    lines = [f"# interleaf run {plugin}/demo", "version: 1", "name: demo", "steps:", *steps]
    return "\n".join([*lines, *(["outputs:", *outputs] if outputs else [])]) + "\n"
