"""Pipelines through several papers; see README.md."""
