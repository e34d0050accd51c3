"""The descriptor of ``gemma``."""

from interleaf.interfaces import Dataset, Evaluator, Model
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="gemma",
    api=1,
    summary="Gemma decoders from scratch: load, run, train, convert",
    paper="arXiv:2403.08295",
    requires=["torch", "safetensors", "sentencepiece"],
    components=[
        component(
            "decoder", Model, "interleaf_gemma.components:Decoder", config="DecoderConfig",
            calls={
                "apply": Call(needs={"text": "text"}, gives={"tokens": "tokens"}),
                "generate": Call(needs={"text": "text?"}, gives={"text": "text"}, params="GenerateConfig"),
                "logprobs": Call(needs={"sequences": "dataset[any]"}, gives={"scores": "table"}),
                "reply": Call(
                    needs={"conversations": "chat"}, gives={"replies": "any"}, params="ReplyConfig"
                ),
            },
            capabilities=["Generative", "Scored", "Chat"],
            deterministic=True,
            summary="a Gemma: continues, scores and answers; any torch trainer fits it",
        ),
        component(
            "documents", Dataset, "interleaf_gemma.documents:Documents", config="DocumentsConfig",
            calls={"open": Call(gives={"data": "dataset[text]"})},
            capabilities=["Sized", "Indexed"],
            summary="the texts of a file or a folder, all or one of three disjoint parts",
        ),
        component(
            "windows", Dataset, "interleaf_gemma.documents:Windows", config="WindowsConfig",
            calls={
                "open": Call(needs={"documents": "dataset[text]"}, gives={"data": "dataset[tokens]"})
            },
            capabilities=["Sized", "Indexed"],
            summary="texts as token windows of one length, to train on",
        ),
        component(
            "perplexity", Evaluator, "interleaf_gemma.perplexity:Perplexity", config="PerplexityConfig",
            calls={
                "evaluate": Call(
                    needs={"model": "model", "documents": "dataset[any]"}, gives={"report": "report"}
                )
            },
            deterministic=True,
            summary="nats per token, perplexity and bits per byte of texts",
        ),
        component(
            "tasks", Evaluator, "interleaf_gemma.evaluating.components:Tasks",
            config="interleaf_gemma.evaluating.config:TasksConfig", extra="eval", deterministic=True,
            calls={"evaluate": Call(needs={"model": "model"}, gives={"report": "report"})},
            summary="tasks of lm-eval-harness from local files, the paper's eighteen and its safety sets",
        ),
        component(
            "wins", Evaluator, "interleaf_gemma.evaluating.components:Wins",
            config="interleaf_gemma.evaluating.config:WinsConfig", deterministic=True,
            calls={
                "evaluate": Call(needs={"ours": "report", "peer": "report"}, gives={"report": "report"})
            },
            summary="on how many tasks one model is better than another, as good, or worse",
        ),
        component(
            "conversations", Dataset, "interleaf_gemma.tuning.conversations:Conversations",
            config="interleaf_gemma.tuning.config:ConversationsConfig", deterministic=True,
            calls={"open": Call(gives={"data": "dataset[chat]"})}, capabilities=["Sized", "Indexed"],
            summary="conversations to learn from, or prompts to answer, from JSON lines",
        ),
        component(
            "preferences", Dataset, "interleaf_gemma.tuning.conversations:Preferences",
            config="interleaf_gemma.tuning.config:PreferencesConfig", deterministic=True,
            calls={"open": Call(gives={"data": "dataset[any]"})}, capabilities=["Sized", "Indexed"],
            summary="which of two replies was preferred, from JSON lines",
        ),
        component(
            "finetune", Model, "interleaf_gemma.tuning.finetune:Finetune",
            config="interleaf_gemma.tuning.config:FinetuneConfig", deterministic=True,
            calls={
                "fit": Call(
                    needs={
                        "model": "model", "data": "dataset[chat]", "held_out": "dataset[chat]?",
                        "lr": "schedule?",
                    },
                    gives={"model": "model", "log": "table"}, hands_on="model",
                )
            },
            capabilities=["Trainable"],
            summary="a decoder tuned on conversations, all weights or LoRA, the model's turns alone counted",
        ),
        component(
            "reward", Model, "interleaf_gemma.tuning.components:Reward",
            config="interleaf_gemma.tuning.config:RewardConfig", deterministic=True,
            calls={
                "fit": Call(
                    needs={"model": "model", "data": "dataset[any]"},
                    gives={"model": "model", "log": "table"},
                ),
                "apply": Call(needs={"conversations": "chat"}, gives={"rewards": "table"}),
            },
            capabilities=["Trainable"],
            summary="a reward learnt from preferences (Bradley-Terry)",
        ),
        component(
            "policy", Model, "interleaf_gemma.tuning.components:Policy",
            config="interleaf_gemma.tuning.config:PolicyConfig", deterministic=True,
            calls={
                "fit": Call(
                    needs={
                        "model": "model", "reward": "model", "prompts": "dataset[chat]",
                        "held_out": "dataset[chat]?",
                    },
                    gives={"model": "model", "log": "table"}, hands_on="model",
                )
            },
            capabilities=["Trainable"],
            summary="policy gradient on a reward, with a KL penalty",
        ),
        component(
            "gain", Evaluator, "interleaf_gemma.tuning.components:Gain",
            config="interleaf_gemma.tuning.config:GainConfig", deterministic=True,
            calls={
                "evaluate": Call(
                    needs={
                        "model": "model", "start": "model", "reward": "model", "prompts": "dataset[chat]",
                    },
                    gives={"report": "report"},
                )
            },
            summary="reward gained on held-out prompts, and the KL divergence it took",
        ),
    ],
    commands={
        "quantize": "interleaf_gemma.benching.commands:quantize",
        "bench": "interleaf_gemma.benching.commands:bench",
        **{
            name: f"interleaf_gemma.commands:{name}"
            for name in ("generate", "convert", "count", "tokenizer")
        },
        "chat": "interleaf_gemma.serving.commands:chat",
        "serve": "interleaf_gemma.serving.commands:serve",
        "eval": "interleaf_gemma.evaluating.commands:evaluate",
        "finetune": "interleaf_gemma.tuning.commands:finetune",
    },
    pipelines=[
        "pipelines/stories.yaml", "pipelines/perplexity.yaml", "pipelines/eighteen-tasks.yaml",
        "pipelines/safety.yaml", "pipelines/tune.yaml",
    ],
)  # fmt: skip
