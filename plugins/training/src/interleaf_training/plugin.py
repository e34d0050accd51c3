"""The descriptor of ``training``."""

from interleaf.interfaces import Evaluator, Model
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="training",
    api=1,
    summary="the torch training loop that papers share",
    requires=["numpy", "torch", "accelerate", "safetensors"],
    components=[
        component(
            "fit", Model, "interleaf_training.components:Fit", config="FitConfig",
            calls={
                "fit": Call(
                    needs={
                        "model": "model", "data": "dataset[any]", "held_out": "dataset[any]?",
                        "lr": "schedule?",
                    },
                    gives={"model": "model", "log": "table"},
                    hands_on="model",
                )
            },
            capabilities=["Distributed"], deterministic=True,
            summary="any torch model, fitted to a dataset",
        ),
        component(
            "size", Evaluator, "interleaf_training.size:Size",
            calls={
                "evaluate": Call(needs={"model": "model", "log": "table?"}, gives={"report": "report"})
            },
            deterministic=True, summary="parameters of a torch model, tokens and FLOPs of its training",
        ),
    ],
)  # fmt: skip
