"""Skeletons, motion files, a posed human body and a mesh renderer."""
