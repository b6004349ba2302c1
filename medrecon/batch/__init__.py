"""Whole folders: a plan, a manifest of what is done, and engines that work through what is left."""
