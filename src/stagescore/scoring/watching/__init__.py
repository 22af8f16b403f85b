"""Dives that appear one after the other, in a folder or before a camera, scored as they come."""
