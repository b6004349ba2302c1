"""Three-stage inference with a large-step prior: generate, adapt the network to the scan, refine (FDMR)."""
