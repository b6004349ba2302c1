"""Simulated scans: the demo head, coils, phase and noise; magnitude volumes turned into raw data."""
