"""Measuring a model on tasks: an adapter for lm-eval-harness, local task files, wins and ties (extra ``[eval]``)."""
