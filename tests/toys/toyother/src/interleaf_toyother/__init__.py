"""A second toy plugin: it takes over what the first one made."""
