"""A descriptor that imports a module which does not exist, on purpose."""

from a_module_that_nobody_has import Plugin  # type: ignore[import-not-found]

PLUGIN = Plugin(name="toybroken", api=1)
