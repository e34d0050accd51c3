"""The descriptor of ``vlogger``."""

from interleaf.interfaces import Dataset, Evaluator, Model
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="vlogger",
    api=1,
    summary="a voice and one photograph become a person who speaks",
    paper="arXiv:2403.08764",
    requires=["cv2", "numpy", "scipy", "torch"],
    components=[
        component(
            "teacher", Dataset, "interleaf_vlogger.pairs:Teacher", config="TeacherConfig",
            calls={"open": Call(gives={"data": "dataset[vlogger.pair]"})},
            capabilities=["Sized", "Indexed"], deterministic=True,
            summary="synthetic sentences with lips by rule and gestures of clips: constructed, not captured",
        ),
        component(
            "motion", Model, "interleaf_vlogger.components:TalkingMotion", config="MotionConfig",
            calls={
                "generate": Call(
                    needs={"audio": "audio", "lips": "schedule?", "body": "schedule?"},
                    gives={"face": "body.face", "motion": "motion"}, params="TalkConfig",
                ),
                "fit": Call(
                    needs={"data": "dataset[vlogger.pair]", "lr": "schedule?"},
                    gives={"model": "model", "log": "table"}, params="FitConfig",
                ),
            },
            capabilities=["Generative", "Trainable"], deterministic=True,
            summary="sound to a face and a body in motion, streaming, of any length",
        ),
        component(
            "compositor", Model, "interleaf_vlogger.speaking:Composite", config="CompositorConfig",
            calls={
                "apply": Call(
                    needs={
                        "image": "image", "person": "body.person", "motion": "motion",
                        "face": "body.face?",
                    },
                    gives={"frames": "frames"},
                )
            },
            deterministic=True,
            summary="a photo that moves with the body fitted to it: no learning, an instant preview",
        ),
        component(
            "judge", Evaluator, "interleaf_vlogger.judge:Judge", config="JudgeConfig",
            calls={
                "evaluate": Call(
                    needs={
                        "model": "model", "data": "dataset[vlogger.pair]", "lips": "schedule?",
                        "body": "schedule?",
                    },
                    gives={"report": "report"},
                )
            },
            deterministic=True,
            summary="lip sync on posed vertices, jerk, diversity and beat beside the held-out data",
        ),
    ],
    kinds={"pair": "interleaf_vlogger.pairs:Pair"},
    commands={name: f"interleaf_vlogger.commands:{name}" for name in ("speak", "motion")},
    pipelines=["pipelines/speak.yaml", "pipelines/train-small.yaml"],
)  # fmt: skip
