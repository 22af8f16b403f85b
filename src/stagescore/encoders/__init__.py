"""From frames and joints to one feature vector a frame (paper, section III-B)."""
