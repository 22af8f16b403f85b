"""The command line. Nothing is computed here: commands read, call, and say what came out."""
