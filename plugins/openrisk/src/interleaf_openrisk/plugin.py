"""The descriptor of ``openrisk``."""

from interleaf.interfaces import Dataset, Evaluator, Renderer
from interleaf.plugin import Call, Plugin, component

_CODE = "interleaf_openrisk.components"
_GIVEN = {"reports": "report*?", "model": "model?"}
_COMMANDS = "interleaf_openrisk.commands"

PLUGIN = Plugin(
    name="openrisk",
    api=1,
    summary="what an open model adds to a risk: uplift over closed models and existing technology",
    paper="arXiv:2403.07918",
    requires=["numpy", "pydantic"],
    components=[
        component(
            "facts", Dataset, f"{_CODE}:Facts", config="FactsConfig", deterministic=True,
            calls={"open": Call(gives={"rows": "dataset[table]"})}, capabilities=["Sized"],
            summary="the paper's steps, vectors, prior studies, properties and benefits",
        ),
        component(
            "results", Dataset, f"{_CODE}:Results", config="ResultsConfig", deterministic=True,
            calls={"open": Call(gives={"results": "dataset[table]"})}, capabilities=["Sized"],
            summary="attempts at benign proxy tasks, a table for each misuse vector",
        ),
        component(
            "uplift", Evaluator, f"{_CODE}:Uplift", config="UpliftConfig", deterministic=True,
            calls={"evaluate": Call(needs={"results": "table"}, gives={"report": "report"})},
            summary="how much more often attempts succeed with the open model, against both references",
        ),
        component(
            "gate", Evaluator, f"{_CODE}:Gate", config="GateConfig", deterministic=True,
            calls={"evaluate": Call(needs=_GIVEN, gives={"report": "report"})},
            summary="a verdict on a release, from an assessment and its evidence",
        ),
        component(
            "document", Renderer, f"{_CODE}:Document", config="DocumentConfig", deterministic=True,
            calls={"render": Call(needs=_GIVEN, gives={"document": "bytes"})},
            summary="an assessment as HTML, Markdown, a model card's section or CycloneDX",
        ),
    ],
    commands={
        name.removesuffix("_"): f"{_COMMANDS}:{name}"
        for name in (
            "init", "validate", "score", "gate", "compare", "diff", "gaps", "render", "import_", "schema",
            "uplift", "scenario",
        )
    },
    pipelines=["pipelines/uplift.yaml"],
)  # fmt: skip
