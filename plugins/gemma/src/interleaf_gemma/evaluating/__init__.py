"""Measuring a model: scores of texts; tasks through lm-eval-harness (extra ``[eval]``); wins and ties."""
