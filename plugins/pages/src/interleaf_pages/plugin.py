"""The descriptor of ``pages``."""

from interleaf.interfaces import Renderer
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="pages",
    api=1,
    summary="results as one self-contained HTML page, as plots and as tables",
    requires=["numpy", "PIL", "matplotlib"],
    components=[
        component(
            "page",
            Renderer,
            "interleaf_pages.components:Page",
            config="PageConfig",
            calls={
                "render": Call(
                    needs={"items": "any*", "reference": "any?"}, gives={"page": "bytes"}
                )
            },
            deterministic=True,
            summary="one HTML file: pictures with error maps, clips, sound, tables, reports, plots",
        ),
        component(
            "plot",
            Renderer,
            "interleaf_pages.components:Plot",
            config="PlotConfig",
            calls={"render": Call(needs={"table": "table"}, gives={"plot": "bytes"})},
            deterministic=True,
            summary="columns of a table as an SVG plot",
        ),
        component(
            "table",
            Renderer,
            "interleaf_pages.components:TableFile",
            config="TableConfig",
            calls={"render": Call(needs={"table": "table"}, gives={"file": "bytes"})},
            deterministic=True,
            summary="a table as CSV or Markdown",
        ),
    ],
)
