"""A toy plugin of a future API."""
