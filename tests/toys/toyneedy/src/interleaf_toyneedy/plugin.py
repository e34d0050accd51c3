"""A sound descriptor; the component behind it needs a module that is not installed."""

from interleaf.interfaces import Model
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="toyneedy",
    api=1,
    summary="a component behind an extra that is not installed",
    requires=["a_module_that_nobody_has"],
    components=[
        component(
            "x",
            Model,
            "interleaf_toyneedy.components:X",
            calls={"apply": Call(needs={"x": "any"}, gives={"x": "any"})},
            extra="heavy",
            summary="gives back its input, by way of a missing module",
        )
    ],
)
