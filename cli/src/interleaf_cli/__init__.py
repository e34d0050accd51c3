"""The command ``interleaf``."""
