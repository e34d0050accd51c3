"""A descriptor written for API 99."""

from interleaf.interfaces import Model
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="toyfuture",
    api=99,
    summary="speaks an API that no core has yet",
    components=[
        component(
            "x",
            Model,
            "interleaf_toyfuture.components:X",
            calls={"apply": Call(needs={"x": "any"}, gives={"x": "any"})},
        )
    ],
)
