"""The descriptor of ``continual``."""

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer, Schedule
from interleaf.plugin import Call, Plugin, component

_RATES = "interleaf_continual.schedules"
_JUDGES = "interleaf_continual.evaluators"
_JUDGED = "interleaf_continual.evaluating_config"

PLUGIN = Plugin(
    name="continual",
    api=1,
    summary="continue a pre-training on new data: re-warming, replay, infinite schedules, forgetting",
    paper="arXiv:2403.08763",
    requires=["numpy"],
    kinds={"state": "interleaf_continual.state:TrainingState"},
    components=[
        component(
            "rewarm", Schedule, f"{_RATES}:Rewarm", config="RewarmConfig",
            capabilities=["NonNegative"], deterministic=True,
            summary="linear warm-up, cosine decay; again for every stage",
        ),
        component(
            "infinite", Schedule, f"{_RATES}:Infinite", config="InfiniteConfig",
            capabilities=["NonNegative"], deterministic=True,
            summary="warm-up, cooldown, constant while data comes, short anneal",
        ),
        component(
            "anneal", Schedule, f"{_RATES}:Anneal", config="AnnealConfig",
            capabilities=["NonNegative", "Monotone", "Bounded"], deterministic=True,
            summary="exponentially down: the end of an infinite schedule",
        ),
        component(
            "wsd", Schedule, f"{_RATES}:Stable", config="StableConfig",
            capabilities=["NonNegative"], deterministic=True, summary="warm-up, stable, decay",
        ),
        component(
            "trapezoid", Schedule, f"{_RATES}:Trapezoid", config="TrapezoidConfig",
            capabilities=["NonNegative"], deterministic=True, summary="three straight lines",
        ),
        component(
            "inverse_sqrt", Schedule, f"{_RATES}:PowerLaw", config="PowerLawConfig",
            capabilities=["NonNegative"], deterministic=True,
            summary="warm-up, then a power of the step, by default 1/√t; endless",
        ),
        component(
            "power", Schedule, f"{_RATES}:Polynomial", config="PolynomialConfig",
            capabilities=["NonNegative"], deterministic=True,
            summary="warm-up, then a polynomial decay",
        ),
        component(
            "piecewise", Schedule, f"{_RATES}:Piecewise", config="PiecewiseConfig",
            deterministic=True, summary="any row of phases",
        ),
        component(
            "repeat", Schedule, f"{_RATES}:Repeat", config="RepeatConfig",
            capabilities=["Periodic"], deterministic=True, summary="a schedule again and again",
        ),
        component(
            "text", Dataset, "interleaf_continual.sources:Text", config="TextConfig",
            calls={"open": Call(needs={"model": "model?"}, gives={"data": "dataset[tokens]"})},
            capabilities=["Sized", "Indexed", "Split"], deterministic=True,
            summary="texts as tokens; parts for training and testing share no work",
        ),
        component(
            "tokens", Dataset, "interleaf_continual.sources:TokenFile", config="TokenFileConfig",
            calls={"open": Call(gives={"data": "dataset[tokens]"})},
            capabilities=["Sized", "Indexed"], deterministic=True,
            summary="a file of token ids, mapped from the disk",
        ),
        component(
            "replay", Dataset, "interleaf_continual.replay:ReplayMix", config="ReplayConfig",
            calls={
                "open": Call(
                    needs={"new": "dataset[tokens]", "old": "dataset[tokens]*?"},
                    gives={"data": "dataset[tokens]"},
                )
            },
            capabilities=["Sized", "Indexed", "Resumable"], deterministic=True,
            summary="new data with a share of old among it, exactly resumable anywhere",
        ),
        component(
            "trainer", Model, "interleaf_continual.trainer:Trainer",
            config="interleaf_continual.trainer_config:TrainerConfig",
            calls={
                "fit": Call(
                    needs={
                        "model": "model", "data": "dataset[tokens]*?", "mixture": "dataset[tokens]?",
                        "lr": "schedule*?", "rate": "schedule?",
                        "held_out": "dataset[tokens]*?", "state": "continual.state?",
                    },
                    gives={"model": "model", "log": "table", "state": "continual.state"},
                    hands_on="model",
                )
            },
            capabilities=["Distributed"], deterministic=True, extra="train",
            summary="any language model through stages of data, with replay, exactly resumable",
        ),
        component(
            "gpt", Model, "interleaf_continual.language:Gpt", config="GptConfig",
            calls={
                "generate": Call(gives={"text": "text"}, params="GenerateConfig"),
                "logprobs": Call(needs={"sequences": "dataset[any]"}, gives={"scores": "table"}),
            },
            capabilities=["Generative", "Scored"], deterministic=True, extra="train",
            summary="a small GPT over bytes; presets tiny, small, 405m, 10b",
        ),
        component(
            "score", Model, f"{_JUDGES}:Score", config=f"{_JUDGED}:ScoreConfig",
            calls={
                "apply": Call(
                    needs={"model": "model", "data": "dataset[tokens]*"}, gives={"scores": "table"}
                )
            },
            deterministic=True, extra="train",
            summary="the log-probability of every document of some domains, as a table",
        ),
        component(
            "domains", Evaluator, f"{_JUDGES}:Domains", config=f"{_JUDGED}:ScoreConfig",
            calls={
                "evaluate": Call(
                    needs={"model": "model", "data": "dataset[tokens]*"}, gives={"report": "report"}
                )
            },
            deterministic=True, extra="train", summary="loss and bits per byte of each domain",
        ),
        component(
            "forgetting", Evaluator, f"{_JUDGES}:Forgetting", config=f"{_JUDGED}:ForgettingConfig",
            calls={
                "evaluate": Call(
                    needs={"before": "table", "after": "table", "union": "table?"},
                    gives={"report": "report"},
                )
            },
            deterministic=True,
            summary="forgetting, adaptation, gap to a union baseline, with intervals",
        ),
        component(
            "matrix", Model, "interleaf_continual.matrix:Matrix",
            config=f"{_JUDGED}:ScoreConfig",
            calls={
                "apply": Call(
                    needs={"models": "model*", "data": "dataset[tokens]*"}, gives={"table": "table"}
                )
            },
            deterministic=True, extra="train",
            summary="the model after each stage on each domain: what later stages forgot",
        ),
        component(
            "cloze", Evaluator, f"{_JUDGES}:Cloze", config=f"{_JUDGED}:ClozeConfig",
            calls={
                "evaluate": Call(
                    needs={"model": "model", "data": "dataset[tokens]*"}, gives={"report": "report"}
                )
            },
            deterministic=True, extra="train",
            summary="which word comes next in held-out text, of any model that is Scored",
        ),
        component(
            "summary", Evaluator, "interleaf_continual.summary:Summary",
            config=f"{_JUDGED}:SummaryConfig",
            calls={"evaluate": Call(needs={"reports": "report*"}, gives={"report": "report"})},
            deterministic=True, summary="what each replayed fraction saves and costs, over seeds",
        ),
        component(
            "compare", Model, "interleaf_continual.summary:Compare",
            config=f"{_JUDGED}:SummaryConfig",
            calls={"apply": Call(needs={"reports": "report*"}, gives={"table": "table"})},
            deterministic=True, summary="the same as a table to read",
        ),
        component(
            "plot", Renderer, "interleaf_continual.drawing:Plot", config=f"{_JUDGED}:PlotConfig",
            calls={
                "render": Call(
                    needs={"schedules": "schedule*?", "logs": "table*?", "reports": "report*?"},
                    gives={"plot": "bytes"},
                )
            },
            deterministic=True, extra="plot",
            summary="schedules, losses over steps, forgetting against adaptation",
        ),
    ],
    commands={
        name: f"interleaf_continual.commands:{name}"
        for name in ("run", "resume", "branch", "suggest", "audit", "plot", "pack")
    },
    pipelines=[f"pipelines/{n}.yaml" for n in ("schedules", "en-de", "en-en", "infinite")],
)  # fmt: skip
