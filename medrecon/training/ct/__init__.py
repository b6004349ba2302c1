"""Recipes of the CT networks on the one training loop."""
