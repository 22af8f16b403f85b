"""Pictures for papers and documents: figures of the paper, and sheets of labels and of simulated dives."""
