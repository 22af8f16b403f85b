"""From stage features of two dives to a difference of score, and from differences to a score."""
