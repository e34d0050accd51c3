"""Scaling laws fitted on cheap runs: loss and downstream error of a model before it is trained."""
