"""The method of the paper at the shapes of its release (TRUMANS, arXiv 2403.08629). Needs the extra torch."""
