"""Training: groups of dives, objective, checkpoints, the loop."""
