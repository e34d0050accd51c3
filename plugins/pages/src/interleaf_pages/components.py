"""Pages, plots and tables as Renderers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interleaf.interfaces import Renderer
from interleaf.values import Artifact, Image, Item, Table
from interleaf_pages.config import PageConfig, PlotConfig, TableConfig
from interleaf_pages.page import compose
from interleaf_pages.plot import draw
from interleaf_pages.tables import to_csv, to_markdown


class Page(Renderer):
    """One self-contained HTML file."""

    Config = PageConfig
    media_type = "text/html"

    def render(self, items: Sequence[Item | Any], reference: Any = None) -> Artifact:
        """A page with every item; pictures are compared with `reference` where their sizes agree.

        `items` are values or `Item`s, of any kind; `reference` is a picture or a dataset of them,
        matched by id.
        """
        labelled = [i if isinstance(i, Item) else Item(i, "") for i in items]
        return Artifact(compose(self.config, labelled, reference).encode(), self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        picture = Image(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
        table = Table({"name": ["a", "b"], "n": [1, 2.5]}, "a table")
        items = [
            Item(picture, "drawn", "", {"n": 1}),
            Item(table, "rows"),
            Item("some text", "text"),
        ]
        calls = [{"items": items, "reference": picture}, {"items": [picture]}, {"items": []}]
        return {"configs": [PageConfig(), PageConfig(title="x")], "calls": {"render": calls}}


class Plot(Renderer):
    """Columns of a table as lines."""

    Config = PlotConfig
    media_type = "image/svg+xml"

    def render(self, table: Table) -> Artifact:
        """An SVG; raises InvalidInput for a column that is absent or holds no numbers."""
        return Artifact(draw(table, self.config), self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        table = Table({"x": [1, 10, 100], "y": [1.0, None, 3.0], "kind": ["a", "a", "b"]})
        configs = [PlotConfig(x="x", y="y", log_x=True), PlotConfig(x="x", y="y", by="kind")]
        return {"configs": configs, "calls": {"render": [{"table": table}]}}


class TableFile(Renderer):
    """A table as text."""

    Config = TableConfig
    media_type = "text/csv"

    def render(self, table: Table) -> Artifact:
        """CSV (RFC 4180) or a GitHub-flavoured Markdown table; missing cells are empty."""
        if self.config.format == "markdown":
            return Artifact(to_markdown(table).encode(), "text/markdown")
        return Artifact(to_csv(table).encode(), "text/csv")

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        table = Table({"name": ["a|b", None], "n": [1, 2.5]})
        configs = [TableConfig(), TableConfig(format="markdown")]
        return {"configs": configs, "calls": {"render": [{"table": table}, {"table": Table({})}]}}
