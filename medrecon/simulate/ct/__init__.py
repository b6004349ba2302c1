"""CT phantoms, the CT demo, and lower doses."""
