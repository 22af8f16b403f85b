"""`measures.csv` has a row for each measure of each dive, with nothing made up where nothing is known."""

import csv
import io

from made_results import made_result, refused

from stagescore.report.measure_tables import COLUMNS, measures_csv


def test_every_measure_is_a_row_and_what_is_not_known_is_empty() -> None:
    dives = [("=one", made_result()), ("two", refused())]
    rows = list(csv.DictReader(io.StringIO(measures_csv(dives).decode())))
    assert tuple(rows[0]) == COLUMNS and [row["measure"] for row in rows] == [
        "rotation_speed",
        "knee_bend",
        "splash_area",
    ]
    assert {row["name"] for row in rows} == {"'=one"}
    knees, splash = rows[1], rows[2]
    assert (knees["value"], knees["percentile"], knees["least_points"]) == ("", "", "0.5") and knees[
        "why_unknown"
    ]
    assert (float(splash["value"]), splash["usable"], splash["rule"], splash["most_points"]) == (
        0.21,
        "yes",
        "splash",
        "",
    )
