"""Diffusion samplers: paths, priors, grids, data steps, integrators, and the one loop that joins them."""
