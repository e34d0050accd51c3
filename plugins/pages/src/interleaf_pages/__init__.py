"""Results to look at: one HTML page, plots, tables."""
