"""Pages that are written elsewhere: plugins' READMEs, ``spec/``, pipelines, docstrings. A hook of MkDocs.

Nothing stands twice: each page is made from its one source when the site is built. Links of a source are
turned into links of the site; a link to a file that has no page becomes its name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from interleaf.interfaces import Schedule
from interleaf.pipeline.document import read_document
from interleaf.plugin import Call, ComponentSpec, Plugin
from interleaf.registry.discovery import registry

ROOT = Path(__file__).parents[1]
PAPERS = (
    "gaussianimage", "gemma", "continual", "scaling", "sotopia", "openrisk", "vlogger", "trumans",
    "followclick", "crosspaper",
)  # fmt: skip
INSTRUMENTS = ("media", "body", "training", "pages", "ray")
CORE = {
    "Interleaf from Python": ("api",),
    "Interfaces": (
        "interfaces.component", "interfaces.dataset", "interfaces.model", "interfaces.schedule",
        "interfaces.renderer", "interfaces.evaluator", "interfaces.report",
    ),
    "Values and kinds": ("values", "kinds"),
    "Descriptors and parameters": ("plugin", "params", "weights", "errors"),
    "Built-in components": ("builtin.config", "builtin.schedules"),
    "The conformance kit": ("testing.running", "testing.subject"),
    "Hooks, executors, stores": ("registry.hooks", "pipeline.executors", "pipeline.store"),
}  # fmt: skip
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


@cache
def pages() -> dict[str, str]:
    """Page by source, both as paths: ``README.md`` → ``index.md``."""
    found = {
        "README.md": "index.md",
        "CHANGELOG.md": "changelog.md",
        "BENCHMARKS.md": "benchmarks.md",
    }
    found["CONTRIBUTING.md"] = "contributing.md"
    found |= {f"plugins/{n}/README.md": f"papers/{n}.md" for n in PAPERS}
    found |= {f"plugins/{n}/README.md": f"instruments/{n}.md" for n in INSTRUMENTS}
    found |= {f"{n}/README.md": f"reference/{n}.md" for n in ("core", "cli")}
    specs = sorted((ROOT / "spec").glob("*.md"))
    return found | {f"spec/{f.name}": f"spec/{f.name}" for f in specs}


def on_files(files: Files, config: Any) -> Files:
    """Add every page that is made from something else, and the pictures they show."""
    for source, page in pages().items():
        text = (ROOT / source).read_text(encoding="utf-8")
        text += _parts(page)
        for picture in _pictures(text, source):
            if not picture.startswith("docs/") and files.get_file_from_path(picture) is None:
                files.append(File.generated(config, picture, abs_src_path=str(ROOT / picture)))
        files.append(File.generated(config, page, content=linked(text, source, page)))
    for title, modules in CORE.items():
        page = f"reference/{_slug(title)}.md"
        files.append(File.generated(config, page, content=_modules(title, modules)))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Roles of docstrings (``:func:`x` ``) are plain names here."""
    return re.sub(r":(?:func|class|mod|meth):(?=<code>)", "", html)


def linked(text: str, source: str, page: str) -> str:
    """A source's text with its links leading to pages."""

    def link(found: re.Match[str]) -> str:
        mark, label, target = found.groups()
        if "://" in target or target.startswith(("#", "mailto:")):
            return found[0]
        path, _, anchor = target.partition("#")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        there = (
            place.removeprefix("docs/") if mark or place.startswith("docs/") else pages().get(place)
        )
        if there is None:
            return f"`{label.strip('`')}`"
        start = posixpath.dirname(page) or "."
        return f"{mark}[{label}]({posixpath.relpath(there, start)}{'#' + anchor if anchor else ''})"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    return "".join(p if p.startswith("```") else LINK.sub(link, p) for p in parts)


def _pictures(text: str, source: str) -> Iterator[str]:
    for mark, _, target in LINK.findall(text):
        if mark and "://" not in target:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _parts(page: str) -> str:
    """What a plugin's page says after its README: pipelines and components, from their own files."""
    folder, _, name = page.removesuffix(".md").partition("/")
    plugin = registry().plugins.get(name) if folder in ("papers", "instruments") else None
    return "" if plugin is None else "".join(_pipelines(plugin)) + "".join(_components(plugin))


def _pipelines(plugin: Plugin) -> Iterator[str]:
    if plugin.pipelines:
        yield "\n## Pipelines\n"
    for path in plugin.pipelines:
        file = ROOT / "plugins" / plugin.name / "src" / f"interleaf_{plugin.name}" / path
        text = file.read_text(encoding="utf-8")
        yield f"\n### {plugin.name}/{file.stem}\n"
        yield f"\n{read_summary(file)}\n\n" if read_summary(file) else "\n"
        yield f'??? abstract "{file.name}"\n\n'
        yield "".join(f"    {line}\n" for line in ["```yaml", *text.splitlines(), "```"])


def read_summary(file: Path) -> str:
    """A pipeline's own ``summary``."""
    found = read_document(file).data
    summary = found.get("summary") if isinstance(found, dict) else ""
    return str(summary or "").strip().capitalize()


def _components(plugin: Plugin) -> Iterator[str]:
    if plugin.components:
        yield "\n## Components\n"
    for spec in plugin.components:
        yield f"\n### {plugin.name}.{spec.name}\n\n{spec.interface.__name__}: {spec.summary}.\n\n"
        yield from _calls(spec)
        config = spec.config if ":" in spec.config else f"config:{spec.config}"
        if spec.config:
            module, _, name = config.partition(":")
            module = module if "." in module else f"interleaf_{plugin.name}.{module}"
            yield f"\n::: {module}.{name}\n    options: {{heading_level: 4}}\n"


def _calls(spec: ComponentSpec) -> Iterator[str]:
    if spec.interface is Schedule:
        return
    for name, call in spec.calls.items():
        needs, gives = _ports(call, "needs"), _ports(call, "gives")
        yield f"- `{name}`: {needs or 'nothing'} → {gives or 'as usual'}\n"


def _ports(call: Call, which: str) -> str:
    return ", ".join(f"`{n}: {t}`" for n, t in getattr(call, which).items())


def _modules(title: str, modules: tuple[str, ...]) -> str:
    blocks = "".join(f"\n::: interleaf.{m}\n    options: {{heading_level: 2}}\n" for m in modules)
    return f"# {title}\n{blocks}"


def _slug(title: str) -> str:
    return re.sub(r"[^a-z]+", "-", title.lower()).strip("-")
