"""Joints: reading the poses that people and networks have made."""
