"""Weights: where they are looked for, and how those of others are read."""
