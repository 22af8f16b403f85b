"""Blocks that more than one encoder or model is built of."""
