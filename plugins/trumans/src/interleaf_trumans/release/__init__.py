"""The data that the authors of TRUMANS (arXiv 2403.08629) give out, read where a user has it."""
