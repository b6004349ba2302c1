"""Losses, the loop with its checkpoints, and one recipe a prior."""
