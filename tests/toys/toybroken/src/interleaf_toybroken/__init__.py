"""A toy plugin whose descriptor cannot be imported."""
