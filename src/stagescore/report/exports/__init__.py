"""Joints and angles in the forms of other programs: spreadsheets, OpenSim, Kinovea."""
