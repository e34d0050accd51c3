"""The descriptor of ``gemma``."""

from interleaf.plugin import Plugin

PLUGIN = Plugin(
    name="gemma",
    api=0,
    summary="Gemma decoders from scratch: load, run, train, convert",
    paper="arXiv:2403.08295",
    requires=["torch"],
)
