"""The descriptor of the second toy plugin."""

from interleaf.interfaces import Model
from interleaf.plugin import Call, Plugin, component

_CODE = "interleaf_toyother.components"
_PICTURE = {"image": "image"}

PLUGIN = Plugin(
    name="toyother",
    api=1,
    summary="takes over models and values of the first toy plugin",
    requires=["numpy"],
    components=[
        component(
            "apply_model", Model, f"{_CODE}:ApplyModel", deterministic=True,
            calls={"apply": Call(needs={"model": "model", "image": "image"}, gives=_PICTURE)},
            summary="applies a model that another plugin made",
        ),
        component(
            "stretch", Model, f"{_CODE}:Stretch", config="StretchConfig", deterministic=True,
            calls={"apply": Call(needs=_PICTURE, gives=_PICTURE)},
            summary="more contrast",
        ),
        component(
            "tint", Model, f"{_CODE}:Tint", deterministic=True,
            calls={"apply": Call(needs=_PICTURE, gives=_PICTURE)},
            summary="learns one colour; any trainer that nudges can train it",
        ),
        component(
            "blend", Model, f"{_CODE}:Blend", config="BlendConfig", deterministic=True,
            calls={"apply": Call(needs=_PICTURE, gives=_PICTURE)},
            summary="mixes a picture with what a model inside makes of it",
        ),
        component(
            "recolour", Model, f"{_CODE}:Recolour", deterministic=True,
            calls={"apply": Call(needs={**_PICTURE, "palette": "toy.palette"}, gives=_PICTURE)},
            summary="paints a picture with another plugin's palette",
        ),
    ],
)  # fmt: skip
