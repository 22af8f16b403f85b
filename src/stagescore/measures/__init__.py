"""What a coach would measure on a film: jump, board, turns, fold, knees, entry, splash, each with its unit and confidence.

    facts (joints, events, camera) -> kinds (one function a measure) -> measuring -> Measure -> result, report, measures.csv

`reference` says where a value stands among real dives, and whether the measure goes with the judges' marks at all.
"""
