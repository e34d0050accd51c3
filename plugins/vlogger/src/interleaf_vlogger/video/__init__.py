"""The paper's second network: movement to video, on diffusers' UNet (extra ``video``)."""
