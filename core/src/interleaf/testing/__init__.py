"""The conformance kit: what every plugin promises, as checks that anyone can run on their own.

    from interleaf.testing import conformance
    test_conformance = conformance("blur")

or ``interleaf check blur``. A component says with ``examples()`` on what it can be tried: small
configurations and inputs, less than a second each, on a CPU. What it declares (interface, calls,
capabilities, laws, determinism) selects the checks. Needs the extra ``interleaf-core[testing]``.
"""

from interleaf.testing.running import Result, Summary, check_plugin, conformance
from interleaf.testing.subject import Examples, Subject

__all__ = ["Examples", "Result", "Subject", "Summary", "check_plugin", "conformance"]
