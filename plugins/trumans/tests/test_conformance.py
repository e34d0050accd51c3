from interleaf.testing import conformance

test_conformance = conformance("trumans")
