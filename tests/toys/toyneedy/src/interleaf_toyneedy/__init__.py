"""A toy plugin whose component needs a module that is not installed."""
