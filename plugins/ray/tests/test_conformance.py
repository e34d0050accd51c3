"""The descriptor keeps its promises."""

from interleaf.testing import conformance

test_conformance = conformance("ray")
