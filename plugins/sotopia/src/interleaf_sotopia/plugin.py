"""The descriptor of ``sotopia``."""

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer
from interleaf.plugin import Call, Plugin, component

_CODE = "interleaf_sotopia.components"
_DEALS = "interleaf_sotopia.bargaining.components"
_DEAL = "interleaf_sotopia.bargaining.config"
_COMMANDS = "interleaf_sotopia.commands"
_TASKS, _EPISODES = "dataset[sotopia.task]", "dataset[sotopia.episode]"
_FITTED = {"model": "model", "log": "table"}

PLUGIN = Plugin(
    name="sotopia",
    api=1,
    summary="social agents that learn from their own conversations, and a judge that is itself judged",
    paper="arXiv:2403.08715",
    requires=["numpy", "openai", "pydantic"],
    kinds={
        "task": "interleaf_sotopia.world:Task",
        "episode": "interleaf_sotopia.records:Episode",
        "dialogue": "interleaf_sotopia.casino:Dialogue",
        "lesson": f"{_DEALS}:Lesson",
    },
    components=[
        component(
            "scenarios",
            Dataset,
            f"{_CODE}:Scenarios",
            config="ScenariosConfig",
            deterministic=True,
            calls={"open": Call(gives={"tasks": _TASKS})},
            capabilities=["Sized", "Indexed"],
            summary="SOTOPIA's scenarios with the characters that play them",
        ),
        component(
            "episodes",
            Dataset,
            f"{_CODE}:Episodes",
            config="EpisodesConfig",
            deterministic=True,
            calls={"open": Call(gives={"episodes": _EPISODES})},
            capabilities=["Sized", "Indexed"],
            summary="recorded episodes",
        ),
        component(
            "agent",
            Model,
            f"{_CODE}:Agent",
            config="AgentConfig",
            calls={"reply": Call(needs={"conversations": "chat"}, gives={"replies": "any"})},
            capabilities=["Chat"],
            summary="whoever stands behind an OpenAI-compatible address; scripted and random agents",
        ),
        component(
            "play",
            Model,
            f"{_CODE}:Play",
            config="PlayConfig",
            calls={
                "apply": Call(
                    needs={"tasks": _TASKS, "model": "model", "partner": "model?"},
                    gives={"episodes": _EPISODES},
                )
            },
            summary="episodes of any models that can answer, resumed at the turn where they stopped",
        ),
        component(
            "judge",
            Evaluator,
            f"{_CODE}:Judge",
            config="JudgeConfig",
            calls={
                "evaluate": Call(
                    needs={"episodes": _EPISODES, "judge": "model*?"}, gives={"report": "report"}
                )
            },
            summary="ratings on seven dimensions by a model or a panel; of a game, its points",
        ),
        component(
            "pairs",
            Dataset,
            f"{_CODE}:Pairs",
            config="PairsConfig",
            deterministic=True,
            calls={
                "open": Call(
                    needs={"episodes": _EPISODES, "ratings": "report", "evaluation": f"{_TASKS}?"},
                    gives={"data": "dataset[chat]"},
                )
            },
            capabilities=["Sized", "Indexed"],
            summary="what is learnt from rated episodes, by the paper's filters; leaks are refused",
        ),
        component(
            "bc",
            Model,
            "interleaf_sotopia.tuning:Clone",
            config="TuneConfig",
            deterministic=True,
            calls={
                "fit": Call(
                    needs={"model": "model", "data": "dataset[chat]", "held_out": "dataset[chat]?"},
                    gives={**_FITTED, "lineage": "table"},
                    hands_on="model",
                )
            },
            capabilities=["Trainable"],
            extra="train",
            summary="behaviour cloning of any torch chat model, all weights or LoRA",
        ),
        component(
            "sr",
            Model,
            "interleaf_sotopia.tuning:Reinforce",
            config="TuneConfig",
            deterministic=True,
            calls={
                "fit": Call(
                    needs={
                        "model": "model",
                        "data": "dataset[chat]",
                        "earlier": "dataset[chat]?",
                        "held_out": "dataset[chat]?",
                    },
                    gives={**_FITTED, "lineage": "table"},
                    hands_on="model",
                )
            },
            capabilities=["Trainable"],
            extra="train",
            summary="self-reinforcement: the same on the model's own episodes, earlier data among them",
        ),
        component(
            "synthesise",
            Model,
            "interleaf_sotopia.synthesis:Synthesise",
            config="SynthesiseConfig",
            calls={
                "apply": Call(
                    needs={"model": "model", "evaluation": f"{_TASKS}?"}, gives={"tasks": _TASKS}
                )
            },
            summary="new tasks from inspirational prompts",
        ),
        component(
            "bias",
            Evaluator,
            "interleaf_sotopia.judges:Bias",
            config="BiasConfig",
            deterministic=True,
            calls={"evaluate": Call(needs={"scores": "table"}, gives={"report": "report"})},
            summary="a judge against a reference: gap, correlation, calibration, and whether the gap grows",
        ),
        component(
            "casino",
            Dataset,
            "interleaf_sotopia.judges:Casino",
            config="CasinoConfig",
            deterministic=True,
            calls={"open": Call(gives={"dialogues": "dataset[sotopia.dialogue]"})},
            capabilities=["Sized", "Indexed"],
            summary="CaSiNo: people's negotiations, their points checked",
        ),
        component(
            "casino_scores",
            Model,
            "interleaf_sotopia.judges:CasinoScores",
            deterministic=True,
            calls={
                "apply": Call(
                    needs={"dialogues": "dataset[sotopia.dialogue]"}, gives={"scores": "table"}
                )
            },
            summary="people's satisfaction beside their points, for the bias statistics",
        ),
        component(
            "casino_pairs",
            Dataset,
            "interleaf_sotopia.cloning:CasinoPairs",
            config="CasinoPairsConfig",
            calls={
                "open": Call(
                    needs={"dialogues": "dataset[sotopia.dialogue]"},
                    gives={"data": "dataset[chat]"},
                )
            },
            capabilities=["Sized", "Indexed"],
            deterministic=True,
            summary="people's moves as prompts and replies to learn from",
        ),
        component(
            "casino_games",
            Model,
            "interleaf_sotopia.casino_games:CasinoGames",
            config="CasinoGamesConfig",
            calls={
                "apply": Call(
                    needs={"model": "model", "dialogues": "dataset[sotopia.dialogue]"},
                    gives={"dialogues": "dataset[sotopia.dialogue]"},
                )
            },
            deterministic=True,
            summary="people's negotiations played by a model against a script, with points",
        ),
        component(
            "casino_actions",
            Evaluator,
            "interleaf_sotopia.cloning:CasinoActions",
            config="CasinoActionsConfig",
            calls={
                "evaluate": Call(
                    needs={
                        "model": "model",
                        "dialogues": "dataset[sotopia.dialogue]",
                        "training": "dataset[sotopia.dialogue]",
                    },
                    gives={"report": "report"},
                )
            },
            summary="the next act in held-out dialogues against two baselines, and points against a script",
        ),
        component(
            "paper_gaps",
            Evaluator,
            "interleaf_sotopia.judges:PaperGaps",
            config="PaperConfig",
            calls={"evaluate": Call(gives={"report": "report"})},
            deterministic=True,
            summary="overall scores and gaps of the paper's Table 5, computed again",
        ),
        component(
            "safety",
            Evaluator,
            "interleaf_sotopia.checks:Safety",
            config="SafetyConfig",
            deterministic=True,
            calls={"evaluate": Call(needs={"episodes": _EPISODES}, gives={"report": "report"})},
            summary="engagement, listed words, leaked secrets, with Wilson intervals",
        ),
        component(
            "regression",
            Evaluator,
            "interleaf_sotopia.checks:Regression",
            config="RegressionConfig",
            calls={
                "evaluate": Call(
                    needs={"model": "model", "before": "model?"}, gives={"report": "report"}
                )
            },
            summary="multiple-choice questions before and after training, with McNemar's test",
        ),
        component(
            "page",
            Renderer,
            "interleaf_sotopia.views:StudyPage",
            config="PageConfig",
            deterministic=True,
            calls={
                "render": Call(
                    needs={"items": "any*", "episodes": f"{_EPISODES}?", "ratings": "report?"},
                    gives={"page": "bytes"},
                )
            },
            summary="what a study found, with transcripts",
        ),
        component(
            "rate_page",
            Renderer,
            "interleaf_sotopia.views:RatePage",
            config="RatePageConfig",
            calls={"render": Call(needs={"episodes": _EPISODES}, gives={"page": "bytes"})},
            deterministic=True,
            summary="a page on which people rate without knowing the models",
        ),
        component(
            "bargainer",
            Model,
            f"{_DEALS}:Bargainer",
            config=f"{_DEAL}:BargainerConfig",
            calls={"fit": Call(gives=_FITTED)},
            capabilities=["Trainable"],
            deterministic=True,
            extra="train",
            summary="a small policy for dividing items, trained on random legal play",
        ),
        component(
            "clone_deals",
            Model,
            f"{_DEALS}:CloneDeals",
            config=f"{_DEAL}:CloneConfig",
            calls={
                "fit": Call(
                    needs={"model": "model"},
                    gives={**_FITTED, "lesson": "sotopia.lesson"},
                    hands_on="model",
                )
            },
            capabilities=["Trainable"],
            deterministic=True,
            extra="train",
            summary="behaviour cloning of a noisy expert at dividing items",
        ),
        component(
            "reinforce_deals",
            Model,
            f"{_DEALS}:ReinforceDeals",
            config=f"{_DEAL}:ReinforceConfig",
            calls={
                "fit": Call(
                    needs={"model": "model", "lesson": "sotopia.lesson?"},
                    gives=_FITTED,
                    hands_on="model",
                )
            },
            capabilities=["Trainable"],
            deterministic=True,
            extra="train",
            summary="self-reinforcement at dividing items, by advantage or by the paper's filter",
        ),
        component(
            "deal_gain",
            Evaluator,
            f"{_DEALS}:DealGain",
            config=f"{_DEAL}:GainConfig",
            deterministic=True,
            calls={
                "evaluate": Call(
                    needs={
                        "base": "model*",
                        "cloned": "model*",
                        "reinforced": "model*",
                        "control": "model*?",
                    },
                    gives={"report": "report"},
                )
            },
            extra="train",
            summary="what each stage gained on held-out tasks against unseen partners",
        ),
        component(
            "deal_games",
            Model,
            f"{_DEALS}:DealGames",
            config=f"{_DEAL}:GamesConfig",
            deterministic=True,
            calls={"apply": Call(needs={"models": "model*"}, gives={"episodes": _EPISODES})},
            extra="train",
            summary="a few games of policies, to be read",
        ),
        component(
            "please_judge",
            Model,
            f"{_DEALS}:PleaseJudge",
            config=f"{_DEAL}:PleaseConfig",
            deterministic=True,
            calls={"apply": Call(needs={"model": "model"}, gives={"scores": "table"})},
            extra="train",
            summary="a policy trained against a judge with a blind spot, or with a constant bias",
        ),
    ],
    pipelines=[
        f"pipelines/{n}.yaml" for n in ("negotiation", "judge-bias", "casino-cloning", "pi")
    ],
    commands={
        "play": f"{_COMMANDS}:play",
        "resume": f"{_COMMANDS}:resume",
        "judge": f"{_COMMANDS}:judge",
        "report": f"{_COMMANDS}:report",
        "serve-test": f"{_COMMANDS}:serve_test",
        "import": f"{_COMMANDS}_data:import_",
        "filter": f"{_COMMANDS}_data:filter_",
        "train": f"{_COMMANDS}_data:train",
        "rate": f"{_COMMANDS}_data:rate",
    },
)
