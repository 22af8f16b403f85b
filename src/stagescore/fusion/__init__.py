"""Pose guides motion within each stage (paper, section III-D), and what stands in for a missing modality."""
