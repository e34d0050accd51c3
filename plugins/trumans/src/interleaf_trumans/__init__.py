"""Human motion in 3D scenes (arXiv 2403.08629)."""
