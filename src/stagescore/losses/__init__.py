"""The terms of the objective (paper, sections III-E and III-F): named, unweighted, one function each."""
