"""The parts of a run, each from its part of the settings; `training.runs` puts them together."""
