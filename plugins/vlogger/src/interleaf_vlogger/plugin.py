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
            "portraits", Dataset, "interleaf_vlogger.portrayed:Portraits",
            config="interleaf_vlogger.video_config:PortraitsConfig",
            calls={"open": Call(gives={"data": "dataset[vlogger.portrayed]"})},
            capabilities=["Sized", "Indexed"], deterministic=True,
            summary="drawn people in motion with control maps and true frames, nobody in two parts",
        ),
        component(
            "refiner", Model, "interleaf_vlogger.refining.components:Refiner",
            config="interleaf_vlogger.video_config:RefinerConfig",
            calls={
                "apply": Call(
                    needs={
                        "image": "image", "person": "body.person", "motion": "motion",
                        "face": "body.face?",
                    },
                    gives={"frames": "frames"},
                ),
                "fit": Call(
                    needs={"data": "dataset[vlogger.portrayed]", "lr": "schedule?"},
                    gives={"model": "model", "log": "table"},
                    params="interleaf_vlogger.video_config:RefinerFitConfig",
                ),
            },
            capabilities=["Trainable"], deterministic=True,
            summary="a one-step correction over the compositor, in the holes of a photo",
        ),
        component(
            "video", Model, "interleaf_vlogger.video.components:Video",
            config="interleaf_vlogger.video_config:VideoConfig", extra="video",
            calls={
                "generate": Call(
                    needs={
                        "image": "image", "person": "body.person", "motion": "motion",
                        "face": "body.face?",
                    },
                    gives={"frames": "frames"}, params="interleaf_vlogger.video_config:DrawConfig",
                ),
                "fit": Call(
                    needs={"data": "dataset[vlogger.portrayed]", "lr": "schedule?"},
                    gives={"model": "model", "log": "table"},
                    params="interleaf_vlogger.video_config:VideoFitConfig",
                ),
            },
            capabilities=["Generative", "Trainable"], deterministic=True,
            summary="the paper's video diffusion: control branch, layers over time, outpainting",
        ),
        component(
            "personal", Model, "interleaf_vlogger.video.own:Personal",
            config="interleaf_vlogger.video_config:PersonalConfig", extra="video",
            calls={
                "generate": Call(
                    needs={
                        "image": "image", "person": "body.person", "motion": "motion",
                        "face": "body.face?",
                    },
                    gives={"frames": "frames"}, params="interleaf_vlogger.video_config:DrawConfig",
                ),
                "fit": Call(
                    needs={"data": "dataset[vlogger.portrayed]", "lr": "schedule?"},
                    gives={"model": "model", "log": "table"},
                    params="interleaf_vlogger.video_config:PersonalFitConfig",
                ),
            },
            capabilities=["Generative", "Trainable"], deterministic=True,
            summary="video diffusion made one person's own by adapters, which come off without a trace",
        ),
        component(
            "renderers", Evaluator, "interleaf_vlogger.video.judge:Renderers",
            config="interleaf_vlogger.video_config:RenderersConfig",
            calls={
                "evaluate": Call(
                    needs={
                        "model": "model?", "data": "dataset[vlogger.portrayed]", "refined": "model?",
                    },
                    gives={"report": "report"},
                )
            },
            deterministic=True,
            summary="photo, compositor, refiner and trained video on people that nothing was trained on",
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
            "benchmark", Evaluator, "interleaf_vlogger.benchmarking:Benchmark",
            config="interleaf_vlogger.video_config:BenchmarkConfig",
            calls={"evaluate": Call(gives={"report": "report"})}, deterministic=True,
            summary="the paper's nine metrics for generated clips, or stand-ins under their own names",
        ),
        component(
            "ablations", Model, "interleaf_vlogger.ablations:Ablations",
            calls={"apply": Call(needs={"reports": "report*"}, gives={"table": "table"})},
            deterministic=True,
            summary="the paper's table of ablations, and ours beside it",
        ),
    ],
    kinds={"pair": "interleaf_vlogger.pairs:Pair", "portrayed": "interleaf_vlogger.portrayed:Portrayed"},
    commands={
        **{name: f"interleaf_vlogger.commands:{name}" for name in ("speak", "motion")},
        "build": "interleaf_vlogger.build_command:build",
        "controls": "interleaf_vlogger.controls_command:controls",
        "edit": "interleaf_vlogger.edit_command:edit",
        "eval": "interleaf_vlogger.eval_command:evaluate",
        "personalize": "interleaf_vlogger.personalize_command:personalize",
    },
    pipelines=["pipelines/speak.yaml", "pipelines/train-small.yaml", "pipelines/ablations.yaml",
               "pipelines/video-small.yaml", "pipelines/benchmark.yaml",
               "pipelines/video-ablations.yaml", "pipelines/refine-small.yaml"],
)  # fmt: skip
