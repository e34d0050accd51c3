"""Optional packages: imported where they are used, and told with their install line when absent."""

import importlib
from types import ModuleType

from interleaf.errors import Problem, ProblemsFound


def need(module: str, extra: str) -> ModuleType:
    """The imported module; raises ProblemsFound (E204, exit code 4) naming the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name.split(".")[0]):
            raise  # the package is there, something that it needs is not
        raise ProblemsFound([missing(module, extra)]) from error


def missing(module: str, extra: str) -> Problem:
    """E204 for an absent optional package."""
    return Problem(
        "E204",
        f"this needs the module '{module}', which is not installed",
        hint=f"pip install 'interleaf-media[{extra}]'",
    )
