"""Compiled decoding for processors: vectors, products, attention, and the step made of them."""
