"""The descriptor of ``crosspaper``: pipelines through several papers, and nothing else.

It installs none of them: each pipeline is an extra of its name (``pip install
'interleaf-crosspaper[speaking-card]'``), and ``validate`` names what is not there.
"""

from interleaf.plugin import Plugin

PLUGIN = Plugin(
    name="crosspaper",
    api=1,
    summary="pipelines through several papers: what one gives feeds the next",
    pipelines=[
        f"pipelines/{n}.yaml"
        for n in ("guided-schedule", "speaking-card", "lively-room", "next-model", "social-release")
    ],
)
