"""Images as sums of two-dimensional Gaussians (arXiv 2403.08551)."""
