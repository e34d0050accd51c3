"""The descriptor of ``body``."""

from interleaf.interfaces import Dataset, Evaluator, Renderer
from interleaf.plugin import Call, Plugin, component

COMPARED = {
    "evaluate": Call(needs={"motion": "motion", "reference": "motion?"}, gives={"report": "report"})
}

PLUGIN = Plugin(
    name="body",
    api=0,
    summary="skeletons, motion files, a posed human body and a mesh renderer",
    requires=["numba", "numpy"],
    components=[
        component(
            "motion",
            Dataset,
            "interleaf_body.motions:Motions",
            config="MotionConfig",
            calls={"open": Call(gives={"data": "dataset[motion]"})},
            capabilities=["Sized", "Indexed", "Split"],
            deterministic=True,
            summary="motion files (BVH, AMC), with a manifest and splits by actor",
        ),
        component(
            "bvh",
            Renderer,
            "interleaf_body.motions:Bvh",
            config="BvhConfig",
            calls={"render": Call(needs={"motion": "motion"}, gives={"file": "bytes"})},
            deterministic=True,
            summary="a motion as a BVH file",
        ),
        component(
            "sliding",
            Evaluator,
            "interleaf_body.judges:Sliding",
            config="SlidingConfig",
            calls=COMPARED,
            deterministic=True,
            summary="how fast feet slide while they stand",
        ),
        component(
            "jerk",
            Evaluator,
            "interleaf_body.judges:Jerk",
            calls=COMPARED,
            deterministic=True,
            summary="how abruptly joints move",
        ),
        component(
            "bones",
            Evaluator,
            "interleaf_body.judges:Bones",
            calls=COMPARED,
            deterministic=True,
            summary="bone lengths: left against right, against a reference",
        ),
        component(
            "limits",
            Evaluator,
            "interleaf_body.judges:Limits",
            config="LimitsConfig",
            calls={"evaluate": Call(needs={"motion": "motion"}, gives={"report": "report"})},
            deterministic=True,
            summary="joints that bend further than people's do",
        ),
    ],
)
