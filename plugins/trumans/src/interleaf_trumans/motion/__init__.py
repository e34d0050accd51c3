"""The learned walker: a small diffusion model of windows of walking that sees the scene."""
