"""Pages, plots and tables as Renderers."""

from collections.abc import Sequence
from typing import Any

from interleaf.interfaces import Renderer
from interleaf.values import Artifact, Item, Table
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


class Plot(Renderer):
    """Columns of a table as lines."""

    Config = PlotConfig
    media_type = "image/svg+xml"

    def render(self, table: Table) -> Artifact:
        """An SVG; raises InvalidInput for a column that is absent or holds no numbers."""
        return Artifact(draw(table, self.config), self.media_type)


class TableFile(Renderer):
    """A table as text."""

    Config = TableConfig
    media_type = "text/csv"

    def render(self, table: Table) -> Artifact:
        """CSV (RFC 4180) or a GitHub-flavoured Markdown table; missing cells are empty."""
        if self.config.format == "markdown":
            return Artifact(to_markdown(table).encode(), "text/markdown")
        return Artifact(to_csv(table).encode(), "text/csv")
