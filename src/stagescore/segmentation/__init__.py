"""Procedure segmentation: where one stage ends and the next begins (paper, section III-C)."""
