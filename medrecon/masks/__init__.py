"""Sampling patterns, the fully sampled centre, net acceleration."""
