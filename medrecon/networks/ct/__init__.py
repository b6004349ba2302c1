"""Networks for CT: the codec, cold diffusion in three spaces, RED-CNN, a conditional DDPM, and their loading."""
