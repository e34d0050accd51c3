"""The conformance kit on this plugin."""

from interleaf.testing import conformance

test_conformance = conformance("followclick")
