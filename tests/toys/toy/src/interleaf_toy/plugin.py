"""The descriptor of the toy plugin."""

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer, Schedule
from interleaf.plugin import Call, Plugin, component

_CODE = "interleaf_toy.components"
_MODELS = "interleaf_toy.models"

PLUGIN = Plugin(
    name="toy",
    api=1,
    summary="small honest components for tests",
    requires=["numpy"],
    kinds={"palette": "interleaf_toy.values:Palette"},
    pipelines=["pipelines/demo.yaml"],
    components=[
        component(
            "images", Dataset, f"{_CODE}:Images", config="ImagesConfig", deterministic=True,
            calls={"open": Call(gives={"images": "dataset[image]"})},
            capabilities=["Sized", "Indexed"], summary="random pictures",
        ),
        component(
            "tokens", Dataset, f"{_CODE}:TokenRows", config="TokensConfig", deterministic=True,
            calls={"open": Call(gives={"tokens": "dataset[tokens]"})},
            capabilities=["Sized"], summary="counting token ids",
        ),
        component(
            "lines", Dataset, f"{_CODE}:Lines", config="LinesConfig", deterministic=True,
            calls={"open": Call(gives={"lines": "dataset[text]"})}, summary="a file's lines",
        ),
        component(
            "join", Dataset, f"{_CODE}:Join", config="JoinConfig", deterministic=True,
            calls={
                "open": Call(
                    needs={"old": "dataset[image]", "new": "dataset[image]"},
                    gives={"images": "dataset[image]"},
                )
            },
            summary="one dataset after another",
        ),
        component(
            "codec", Model, f"{_CODE}:Codec", config="CodecConfig", deterministic=True,
            calls={
                "apply": Call(needs={"data": "dataset[image]"}, gives={"images": "dataset[image]"}),
                "encode": Call(needs={"image": "image"}, gives={"code": "bytes"}),
                "decode": Call(needs={"code": "bytes"}, gives={"image": "image"}),
            },
            capabilities=["Codec"], summary="fewer levels per sample",
        ),
        component(
            "pass", Model, f"{_CODE}:Pass", deterministic=True,
            calls={"apply": Call(needs={"x": "any"}, gives={"x": "any"})},
            summary="gives back its input",
        ),
        component(
            "together", Model, "interleaf_toy.together:Together", config="TogetherConfig",
            calls={"apply": Call(needs={"x": "table"}, gives={"sums": "table"})},
            capabilities=["Distributed"], deterministic=True,
            summary="adds up numbers in as many processes as there are",
        ),
        component(
            "noise", Model, f"{_CODE}:Noise", config="NoiseConfig", deterministic=True,
            calls={"apply": Call(needs={"image": "image"}, gives={"image": "image"})},
            summary="adds noise, different for every item and seed",
        ),
        component(
            "palette", Model, f"{_CODE}:MakePalette", deterministic=True,
            calls={"apply": Call(needs={"image": "image"}, gives={"palette": "toy.palette"})},
            summary="a picture's darkest, mean and brightest colour",
        ),
        component(
            "shout", Model, f"{_CODE}:Shout", config="ShoutConfig", deterministic=True,
            calls={"apply": Call(needs={"text": "text"}, gives={"text": "text"})},
            summary="text in capitals",
        ),
        component(
            "sign", Model, f"{_CODE}:Sign", config="SignConfig", deterministic=True,
            calls={"apply": Call(needs={"text": "text"}, gives={"text": "text"})},
            summary="text with a keyed digest",
        ),
        component(
            "slow", Model, f"{_CODE}:Slow", config="SlowConfig", deterministic=True,
            calls={"apply": Call(gives={"table": "table"})},
            summary="work in units that survives being killed",
        ),
        component(
            "mean", Model, f"{_MODELS}:Mean", config="MeanConfig", deterministic=True,
            calls={
                "apply": Call(needs={"image": "image"}, gives={"image": "image"}),
                "fit": Call(
                    needs={"data": "dataset[image]"}, gives={"model": "model", "log": "table"}
                ),
                "generate": Call(gives={"image": "image"}, params="GenerateConfig"),
            },
            capabilities=["Trainable", "Generative"], summary="learns the mean of pictures",
        ),
        component(
            "trainer", Model, f"{_MODELS}:Trainer", config="TrainerConfig", deterministic=True,
            calls={
                "fit": Call(
                    needs={"model": "model", "data": "dataset[image]", "lr": "schedule?"},
                    gives={"model": "model", "log": "table"},
                    hands_on="model",
                )
            },
            capabilities=["Trainable"], summary="trains another component's model",
        ),
        component(
            "ramp", Schedule, f"{_CODE}:Ramp", config="RampConfig", deterministic=True,
            capabilities=["Monotone", "Bounded"], summary="a straight line from 0 to 1",
        ),
        component(
            "psnr", Evaluator, f"{_CODE}:Psnr", deterministic=True,
            calls={
                "evaluate": Call(
                    needs={"subject": "image?", "reference": "image?"}, gives={"report": "report"}
                )
            },
            summary="peak signal-to-noise ratio",
        ),
        component(
            "judge", Evaluator, f"{_CODE}:Judge", deterministic=True,
            calls={
                "evaluate": Call(
                    needs={"subject": "image", "reference": "image?"}, gives={"report": "report"}
                )
            },
            summary="brightness, and the error where there is a reference",
        ),
        component(
            "count", Evaluator, f"{_CODE}:Count", deterministic=True,
            calls={"evaluate": Call(needs={"reports": "report*"}, gives={"report": "report"})},
            summary="how many reports and measures there are",
        ),
        component(
            "gate", Evaluator, f"{_CODE}:Gate", config="GateConfig", deterministic=True,
            calls={"evaluate": Call(needs={"evidence": "report*?"}, gives={"report": "report"})},
            summary="a verdict, given or from limits on a measure",
        ),
        component(
            "text", Renderer, f"{_CODE}:Text", deterministic=True,
            calls={"render": Call(needs={"items": "any*"}, gives={"page": "bytes"})},
            summary="a line for everything it is given",
        ),
    ],
)  # fmt: skip
