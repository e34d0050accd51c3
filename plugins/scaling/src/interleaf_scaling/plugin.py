"""The descriptor of ``scaling``."""

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer, Schedule
from interleaf.plugin import Call, Plugin, component

_CODE = "interleaf_scaling.components"
_COMMANDS = "interleaf_scaling.commands"

PLUGIN = Plugin(
    name="scaling",
    api=1,
    summary="loss and downstream error of a language model before it is trained",
    paper="arXiv:2403.08540",
    requires=["numpy", "scipy"],
    components=[
        component(
            "runs", Dataset, f"{_CODE}:RunTable", config="RunsConfig", deterministic=True,
            calls={"open": Call(gives={"runs": "dataset[table]"})}, capabilities=["Sized"],
            summary="measured training runs, a table for each training set",
        ),
        component(
            "measured", Model, f"{_CODE}:Measured", config="MeasuredConfig", deterministic=True,
            calls={"apply": Call(needs={"reports": "report*"}, gives={"runs": "table"})},
            summary="runs from reports of a pipeline that trained them",
        ),
        component(
            "law", Model, f"{_CODE}:ScalingLaw", config="LawConfig", deterministic=True,
            calls={
                "fit": Call(needs={"runs": "table"}, gives={"model": "model", "log": "table"}),
                "apply": Call(needs={"models": "table"}, gives={"predictions": "table"}),
            },
            capabilities=["Trainable"],
            summary="a loss law and an error law, fitted; predicts models by N and D",
        ),
        component(
            "holdout", Evaluator, f"{_CODE}:HoldoutError", deterministic=True,
            calls={
                "evaluate": Call(needs={"law": "model", "runs": "table"}, gives={"report": "report"})
            },
            summary="relative errors of predicting the runs that were not fitted",
        ),
        component(
            "plot", Renderer, f"{_CODE}:ScalingPlot", config="PlotConfig", deterministic=True,
            calls={"render": Call(needs={"law": "model", "runs": "table"}, gives={"plot": "bytes"})},
            summary="a fitted law with its runs",
        ),
        component(
            "plan", Model, f"{_CODE}:Planner", config="PlanConfig", deterministic=True,
            calls={"apply": Call(needs={"law": "model"}, gives={"plan": "table"})},
            summary="the best N and D for a budget, inference counted",
        ),
        component(
            "ladder", Schedule, f"{_CODE}:Ladder", config="LadderConfig", deterministic=True,
            capabilities=["Budget", "NonNegative", "Monotone", "Bounded"],
            summary="a budget of FLOPs spread over runs of growing size",
        ),
    ],
    commands={
        name: f"{_COMMANDS}:{name}"
        for name in ("fit", "predict", "plan", "compare", "bootstrap", "plot")
    },
    pipelines=["pipelines/overtrained.yaml", "pipelines/plan.yaml"],
)  # fmt: skip
