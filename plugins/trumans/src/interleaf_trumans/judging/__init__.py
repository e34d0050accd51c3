"""What is measured of a motion in a scene."""
