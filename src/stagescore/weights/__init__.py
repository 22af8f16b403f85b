"""Weights: where they are looked for."""
