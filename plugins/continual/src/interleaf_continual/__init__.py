"""Continual pre-training (arXiv 2403.08763): schedules, replay, forgetting."""
