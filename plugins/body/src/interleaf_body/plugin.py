"""The descriptor of ``body``."""

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer
from interleaf.plugin import Call, Plugin, component

COMPARED = {
    "evaluate": Call(needs={"motion": "motion", "reference": "motion?"}, gives={"report": "report"})
}
DRAWN = {
    "render": Call(needs={"motion": "motion", "face": "body.face?"}, gives={"frames": "frames"})
}
COMMANDS = ("view", "render", "retarget", "convert")

PLUGIN = Plugin(
    name="body",
    api=1,
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
            "retarget",
            Model,
            "interleaf_body.renderers:Retarget",
            config="RetargetConfig",
            calls={"apply": Call(needs={"motion": "motion"}, gives={"motion": "motion"})},
            deterministic=True,
            summary="a motion on a body's skeleton",
        ),
        component(
            "pose",
            Model,
            "interleaf_body.renderers:Pose",
            config="BodyConfig",
            calls={
                "apply": Call(
                    needs={"motion": "motion", "face": "body.face?"}, gives={"posed": "body.posed"}
                )
            },
            deterministic=True,
            summary="a motion as the vertices and joints of a body",
        ),
        component(
            "maps",
            Renderer,
            "interleaf_body.renderers:Maps",
            config="MapsConfig",
            calls=DRAWN,
            deterministic=True,
            summary="normals, parts, texture coordinates, depth or rest positions of a moving body",
        ),
        component(
            "mesh_video",
            Renderer,
            "interleaf_body.renderers:MeshVideo",
            config="MeshVideoConfig",
            calls=DRAWN,
            deterministic=True,
            summary="a moving body, or its bones, as pictures",
        ),
        component(
            "viewer",
            Renderer,
            "interleaf_body.renderers:Viewer",
            config="ViewerConfig",
            calls={
                "render": Call(
                    needs={"motion": "motion", "face": "body.face?", "scene": "mesh?"},
                    gives={"page": "bytes"},
                )
            },
            deterministic=True,
            summary="a moving body as an HTML page to turn and scrub",
        ),
        component(
            "fit_photo",
            Model,
            "interleaf_body.fitting:FitPhoto",
            config="FitPhotoConfig",
            calls={
                "apply": Call(
                    needs={"image": "image", "keypoints": "text?"},
                    gives={"person": "body.person", "report": "report"},
                )
            },
            deterministic=True,
            summary="the person in a photo as a body before a camera, from keypoints",
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
    kinds={name.lower(): f"interleaf_body.values:{name}" for name in ("Posed", "Face", "Person")},
    commands={
        **{name: f"interleaf_body.commands:{name}" for name in COMMANDS},
        "fit": "interleaf_body.photo_command:fit",
    },
    pipelines=["pipelines/clip.yaml"],
)
