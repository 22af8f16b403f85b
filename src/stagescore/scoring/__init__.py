"""Scoring: from a film to a result that says what was seen, how sure it is, and when not to trust it."""
