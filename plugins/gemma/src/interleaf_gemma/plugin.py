"""The descriptor of ``gemma``."""

from interleaf.interfaces import Dataset, Evaluator, Model
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="gemma",
    api=0,
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
    ],
    pipelines=["pipelines/stories.yaml", "pipelines/perplexity.yaml"],
)  # fmt: skip
