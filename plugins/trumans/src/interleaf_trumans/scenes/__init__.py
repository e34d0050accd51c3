"""Meshes as places to walk in: readers, floors, occupancy, distances, paths, made-up rooms."""
