"""The descriptor of ``sotopia``."""

from interleaf.plugin import Plugin

_COMMANDS = "interleaf_sotopia.commands"

PLUGIN = Plugin(
    name="sotopia",
    api=0,
    summary="social agents that learn from their own conversations, and a judge that is itself judged",
    paper="arXiv:2403.08715",
    requires=["numpy", "openai", "pydantic"],
    components=[],
    commands={
        "play": f"{_COMMANDS}:play", "resume": f"{_COMMANDS}:resume", "judge": f"{_COMMANDS}:judge",
        "report": f"{_COMMANDS}:report", "serve-test": f"{_COMMANDS}:serve_test",
    },
)  # fmt: skip
