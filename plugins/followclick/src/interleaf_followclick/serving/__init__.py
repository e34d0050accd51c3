"""The page on which to click."""
