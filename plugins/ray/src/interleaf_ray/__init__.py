"""Pipelines on Ray, and stores behind fsspec."""
