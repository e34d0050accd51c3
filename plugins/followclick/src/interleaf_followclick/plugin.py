"""The descriptor of ``followclick``."""

from interleaf.interfaces import Dataset, Evaluator, Model
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="followclick",
    api=1,
    summary="click on a thing in a photo, say how it moves, and only that moves",
    paper="arXiv:2403.08268",
    requires=["cv2", "numba", "numpy", "scipy", "torch"],
    components=[
        component(
            "segment", Model, "interleaf_followclick.components:Segment", config="SegmentConfig",
            calls={
                "apply": Call(
                    needs={"image": "image"}, gives={"mask": "image"}, params="ClickConfig"
                )
            },
            deterministic=True,
            summary="the thing under a click, as a mask",
        ),
        component(
            "flowwarp", Model, "interleaf_followclick.components:FlowWarp", config="FlowWarpConfig",
            calls={
                "generate": Call(
                    needs={"image": "image", "masks": "image*", "still": "image?"},
                    gives={"frames": "frames"}, params="AnimateConfig",
                ),
                "fit": Call(
                    needs={"data": "dataset[followclick.window]", "lr": "schedule?"},
                    gives={"model": "model", "log": "table"}, params="FitConfig",
                ),
            },
            capabilities=["Generative", "Trainable"], deterministic=True,
            summary="a photo whose masked things move as phrases say; everything else stays bit for bit",
        ),
        component(
            "animate", Model, "interleaf_followclick.animate.components:Animate",
            config="AnimateModelConfig",
            calls={
                "generate": Call(
                    needs={"image": "image", "masks": "image*"}, gives={"frames": "frames"},
                    params="DiffuseConfig",
                ),
                "fit": Call(
                    needs={"data": "dataset[followclick.sample]", "lr": "schedule?"},
                    gives={"model": "model", "log": "table"}, params="TrainConfig",
                ),
            },
            capabilities=["Generative", "Trainable"], deterministic=True, extra="animate",
            summary="the paper's network on UNetMotionModel: nine channels, phrase, strength",
        ),
        component(
            "samples", Dataset, "interleaf_followclick.samples:Samples", config="SamplesConfig",
            calls={"open": Call(gives={"data": "dataset[followclick.sample]"})},
            capabilities=["Sized", "Indexed"], deterministic=True,
            summary="the paper's training samples: frames, mask, phrase, strength",
        ),
        component(
            "clips", Dataset, "interleaf_followclick.clips:Clips", config="ClipsConfig",
            calls={"open": Call(gives={"data": "dataset[followclick.window]"})},
            capabilities=["Sized", "Indexed"], deterministic=True,
            summary="windows of real motion out of a folder of videos",
        ),
        component(
            "report", Evaluator, "interleaf_followclick.evaluating.components:ObedienceReport",
            config="ReportConfig",
            calls={
                "evaluate": Call(
                    needs={"model": "model", "pictures": "dataset[image]"}, gives={"report": "report"}
                )
            },
            deterministic=True,
            summary="does the thing do what was said, and nothing else: dose, directions, swaps, stability",
        ),
        component(
            "realism", Evaluator, "interleaf_followclick.evaluating.components:Realism",
            config="RealismConfig",
            calls={
                "evaluate": Call(
                    needs={
                        "model": "model", "seen": "dataset[followclick.window]",
                        "fresh": "dataset[followclick.window]",
                    },
                    gives={"report": "report"},
                )
            },
            deterministic=True,
            summary="is motion like that of clips never trained on, beside rigid, white, Gaussian, retrieval",
        ),
        component(
            "eight", Evaluator, "interleaf_followclick.evaluating.methods:Eight", config="EightConfig",
            calls={"evaluate": Call(gives={"report": "report"})}, deterministic=True,
            summary="the paper's eight metrics for folders of clips, or stand-ins under their own names",
        ),
    ],
    kinds={
        "window": "interleaf_followclick.windows:Window",
        "sample": "interleaf_followclick.samples:Sample",
    },
    commands={
        **{name: f"interleaf_followclick.commands:{name}" for name in ("animate", "segment")},
        "train": "interleaf_followclick.judging_commands:train",
        "eval": "interleaf_followclick.judging_commands:evaluate",
        "serve": "interleaf_followclick.serving.commands:serve",
    },
    pipelines=[
        f"pipelines/{name}.yaml"
        for name in ("photo", "train-small", "train-animate", "checks", "eight-metrics")
    ],
)  # fmt: skip
