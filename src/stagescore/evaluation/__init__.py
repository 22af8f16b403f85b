"""How good predictions are: metrics, and the floors and ceilings to hold them against."""
