"""The descriptor of ``trumans``."""

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer, Schedule
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="trumans",
    api=1,
    summary="people who walk, reach and rest in your own rooms, for as long as you like",
    paper="arXiv:2403.08629",
    requires=["numba", "numpy", "scipy", "trimesh"],
    components=[
        component(
            "scenes",
            Dataset,
            "interleaf_trumans.components:Scenes",
            config="ScenesConfig",
            calls={"open": Call(gives={"data": "dataset[trumans.scene]"})},
            capabilities=["Sized", "Indexed"],
            deterministic=True,
            summary="meshes as places to walk in",
        ),
        component(
            "rooms",
            Dataset,
            "interleaf_trumans.components:Rooms",
            config="RoomsConfig",
            calls={"open": Call(gives={"data": "dataset[trumans.scene]"})},
            capabilities=["Sized", "Indexed"],
            deterministic=True,
            summary="rooms with furniture, made up from seeds",
        ),
        component(
            "release",
            Dataset,
            "interleaf_trumans.release.components:Release",
            config="ReleaseConfig",
            calls={"open": Call(gives={"data": "dataset[trumans.window]"})},
            capabilities=["Sized", "Indexed"],
            deterministic=True,
            summary="windows of the authors' data: joints, actions, scene, objects",
        ),
        component(
            "recordings",
            Dataset,
            "interleaf_trumans.release.components:Recordings",
            config="RecordingsConfig",
            calls={"open": Call(gives={"data": "dataset[motion]"})},
            capabilities=["Sized", "Indexed"],
            deterministic=True,
            summary="recordings of the authors' data as motions",
        ),
        component(
            "timeline",
            Schedule,
            "interleaf_trumans.components:ActionTimeline",
            config="TimelineConfig",
            capabilities=["NonNegative"],
            deterministic=True,
            summary="what is done when, frame by frame",
        ),
        component(
            "matching",
            Model,
            "interleaf_trumans.components:Matching",
            config="MatchingConfig",
            calls={
                "generate": Call(
                    needs={"scene": "trumans.scene", "timeline": "schedule"},
                    gives={"motion": "motion"},
                    params="GenerateConfig",
                ),
            },
            capabilities=["Generative"],
            deterministic=True,
            summary="motion matching: walks with the clips of a folder",
        ),
        component(
            "motion",
            Model,
            "interleaf_trumans.motion.components:Motion",
            config="MotionConfig",
            calls={
                "generate": Call(
                    needs={
                        "scene": "trumans.scene",
                        "timeline": "schedule",
                        "seeing": "schedule?",
                    },
                    gives={"motion": "motion"},
                    params="GenerateConfig",
                ),
                "fit": Call(
                    needs={
                        "data": "dataset[motion]",
                        "held": "dataset[motion]?",
                        "lr": "schedule?",
                    },
                    gives={"model": "model", "log": "table"},
                    params="LearnConfig",
                ),
            },
            capabilities=["Generative", "Trainable"],
            deterministic=True,
            summary="a diffusion model that sees the scene: the package's own small one, or the paper's",
        ),
        component(
            "walks",
            Model,
            "interleaf_trumans.components:Walks",
            config="WalksConfig",
            calls={
                "apply": Call(
                    needs={"walker": "model", "scenes": "dataset[trumans.scene]"},
                    gives={"walks": "dataset[trumans.walk]"},
                )
            },
            deterministic=True,
            summary="walks between places that have something between them",
        ),
        component(
            "augment",
            Model,
            "interleaf_trumans.augmenting:Augment",
            config="AugmentConfig",
            calls={
                "apply": Call(
                    needs={"motion": "motion"}, gives={"motion": "motion", "contacts": "table"}
                )
            },
            deterministic=True,
            summary="an object is resized, moved or turned, and what touched it touches it again",
        ),
        component(
            "clips",
            Dataset,
            "interleaf_trumans.components:Clips",
            config="ClipsConfig",
            calls={"open": Call(gives={"data": "dataset[motion]"})},
            capabilities=["Sized", "Indexed"],
            deterministic=True,
            summary="the clips of a folder on the skeleton that walks",
        ),
        component(
            "viewer",
            Renderer,
            "interleaf_trumans.components:SceneViewer",
            config="ViewerConfig",
            calls={
                "render": Call(
                    needs={"scene": "trumans.scene", "motion": "motion"}, gives={"page": "bytes"}
                )
            },
            deterministic=True,
            summary="a body in a scene as a page to turn and scrub, in one file",
        ),
        component(
            "film",
            Model,
            "interleaf_trumans.filming:Film",
            config="FilmConfig",
            calls={
                "apply": Call(
                    needs={"walks": "dataset[trumans.walk]", "scenes": "dataset[trumans.scene]"},
                    gives={"films": "dataset[frames]"},
                )
            },
            deterministic=True,
            summary="walks as short films, for people to choose between",
        ),
        component(
            "judge",
            Evaluator,
            "interleaf_trumans.judging.components:Judge",
            config="JudgeConfig",
            calls={
                "evaluate": Call(
                    needs={
                        "walks": "dataset[trumans.walk]",
                        "scenes": "dataset[trumans.scene]",
                        "real": "dataset[motion]?",
                    },
                    gives={"report": "report"},
                )
            },
            deterministic=True,
            summary="goals, penetration, sliding, seams, speeds; frozen and leaping bodies fail",
        ),
        component(
            "switching",
            Evaluator,
            "interleaf_trumans.judging.switching:Switching",
            config="SwitchingConfig",
            calls={"evaluate": Call(needs={"walker": "model"}, gives={"report": "report"})},
            deterministic=True,
            summary="seconds from a command to a body that does it, as a classifier of real clips tells",
        ),
    ],
    kinds={
        "scene": "interleaf_trumans.scenes.scene:Scene",
        "window": "interleaf_trumans.release.recordings:Window",
        "walk": "interleaf_trumans.judging.walk:Walk",
    },
    commands={
        **{name: f"interleaf_trumans.commands:{name}" for name in ("generate", "scene", "convert")},
        "train": "interleaf_trumans.motion.commands:train",
    },
    pipelines=[
        f"pipelines/{name}.yaml" for name in ("house", "zero-shot", "rating", "train-small")
    ],
)
