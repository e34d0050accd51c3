"""Finding plugins: what is installed, what is known, and who listens."""

from interleaf.registry.catalogue import CatalogueEntry, catalogue
from interleaf.registry.discovery import PluginRecord, Registry, registry

__all__ = ["CatalogueEntry", "PluginRecord", "Registry", "catalogue", "registry"]
