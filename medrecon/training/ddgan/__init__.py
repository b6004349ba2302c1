"""Recipes of the DDGAN prior and of its controls on the one training loop."""
