"""The descriptor of ``vlogger``."""

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer
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
                    needs={"data": "dataset[vlogger.pair]", "lr": "schedule?", "body_lr": "schedule?"},
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
            "controls", Renderer, "interleaf_vlogger.controls:ControlMaps",
            config="interleaf_vlogger.video_config:ControlsConfig",
            calls={
                "render": Call(
                    needs={
                        "image": "image", "person": "body.person", "motion": "motion",
                        "face": "body.face?",
                    },
                    gives={"frames": "frames"},
                )
            },
            deterministic=True,
            summary="the paper's control maps: places on the body, regions, the photo's colours carried over",
        ),
        component(
            "edit", Model, "interleaf_vlogger.edits:Edit", config="interleaf_vlogger.video_config:EditConfig",
            calls={
                "apply": Call(
                    needs={"frames": "frames", "person": "body.person", "within": "image?"},
                    gives={"frames": "frames", "masks": "frames"},
                )
            },
            deterministic=True,
            summary="another expression in a video, in a mask outside of which nothing changes",
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
        component(
            "ablations", Model, "interleaf_vlogger.ablations:Ablations",
            calls={"apply": Call(needs={"reports": "report*"}, gives={"table": "table"})},
            deterministic=True,
            summary="the paper's table of ablations, and ours beside it",
        ),
    ],
    kinds={"pair": "interleaf_vlogger.pairs:Pair"},
    commands={
        **{name: f"interleaf_vlogger.commands:{name}" for name in ("speak", "motion")},
        "controls": "interleaf_vlogger.controls_command:controls",
        "edit": "interleaf_vlogger.edit_command:edit",
    },
    pipelines=["pipelines/speak.yaml", "pipelines/train-small.yaml", "pipelines/ablations.yaml"],
)  # fmt: skip
