"""Marginal risk of open models: measured against closed models and existing technology."""
