"""A toy plugin for tests: small honest components, one for every shape of a pipeline."""
