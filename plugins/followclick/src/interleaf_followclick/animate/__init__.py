"""The paper's own model, on diffusers' UNetMotionModel."""
