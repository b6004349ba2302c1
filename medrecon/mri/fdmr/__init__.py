"""Method `fdmr`: three stages on a denoising diffusion GAN, its options (`method`), what they amount to (`plan`)."""
