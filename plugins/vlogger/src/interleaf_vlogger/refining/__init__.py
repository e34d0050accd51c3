"""A network that corrects the compositor's frames in one step, trained on drawn people."""
