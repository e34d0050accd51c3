"""The conformance kit on the plugin."""

from interleaf.testing import conformance

test_conformance = conformance("crosspaper")
