"""The descriptor of the built-in plugin ``core``."""

from interleaf.interfaces import Evaluator, Model, Schedule
from interleaf.plugin import Call, Plugin, component

_SCHEDULES = "interleaf.builtin.schedules"
_CLOSED = ("Monotone", "Bounded")

PLUGIN = Plugin(
    name="core",
    api=1,
    summary="schedules (constant, linear, cosine, then, scale, mix), collect, paired, pick and tabulate",
    components=[
        component(
            "constant", Schedule, f"{_SCHEDULES}:Constant", config="ConstantConfig",
            capabilities=_CLOSED, deterministic=True, summary="the same value everywhere, endless",
        ),
        component(
            "linear", Schedule, f"{_SCHEDULES}:Linear", config="RampConfig",
            capabilities=_CLOSED, deterministic=True, summary="a straight line from start to stop",
        ),
        component(
            "cosine", Schedule, f"{_SCHEDULES}:Cosine", config="RampConfig",
            capabilities=_CLOSED, deterministic=True, summary="half a cosine from start to stop",
        ),
        component(
            "then", Schedule, f"{_SCHEDULES}:Then", config="ThenConfig",
            deterministic=True, summary="one schedule after the other",
        ),
        component(
            "scale", Schedule, f"{_SCHEDULES}:Scale", config="ScaleConfig",
            deterministic=True, summary="a schedule times a factor",
        ),
        component(
            "mix", Schedule, f"{_SCHEDULES}:Mix", config="MixConfig",
            deterministic=True, summary="a weighted mean of two schedules",
        ),
        component(
            "collect", Model, "interleaf.builtin.collect:Collect",
            calls={"apply": Call(needs={"reports": "report*"}, gives={"table": "table"})},
            deterministic=True, summary="reports to one table, a row for each",
        ),
        component(
            "paired", Evaluator, "interleaf.builtin.paired:Paired", config="PairedConfig",
            calls={"evaluate": Call(needs={"reports": "report*"}, gives={"report": "report"})},
            deterministic=True, summary="what a change did, over pairs that differ in nothing else",
        ),
        component(
            "pick", Model, "interleaf.builtin.pick:Pick", config="PickConfig",
            calls={"apply": Call(needs={"data": "dataset[any]"}, gives={"item": "any"})},
            deterministic=True, summary="one item of a dataset",
        ),
        component(
            "tabulate", Model, "interleaf.builtin.tabulate:Tabulate", config="TabulateConfig",
            calls={"apply": Call(needs={"schedule": "schedule"}, gives={"table": "table"})},
            deterministic=True, summary="a schedule as a table of points",
        ),
    ],
)  # fmt: skip
