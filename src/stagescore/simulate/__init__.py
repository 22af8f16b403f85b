"""Simulated dives: a calibrated stand-in for data sets whose videos cannot be shipped."""
