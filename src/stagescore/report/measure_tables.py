"""`measures.csv`: every measure of every dive of a run, a row each."""

from collections.abc import Sequence

from stagescore.csv_tables import csv_table
from stagescore.scoring.result import Result

COLUMNS = (
    "name",
    "measure",
    "value",
    "unit",
    "stage",
    "frame",
    "first_frame",
    "frame_after_last",
    "confidence",
    "percentile",
    "dives_of_number",
    "percentile_of",
    "usable",
    "worse",
    "rule",
    "least_points",
    "most_points",
    "why_unknown",
)


def measures_csv(dives: Sequence[tuple[str, Result]]) -> bytes:
    """The table of some dives, as CSV that spreadsheets may open; what is not known is empty.

    Args:
        dives: Name and result of each dive.
    """
    rows = []
    for name, result in dives:
        for one in result.measures:
            place, rule = one.percentile, one.rule
            first, stop = one.frames or (None, None)
            rows.append(
                (
                    name,
                    one.name,
                    one.value,
                    one.unit,
                    one.stage,
                    one.frame,
                    first,
                    stop,
                    one.confidence,
                    None if place is None else place.value,
                    None if place is None else place.num_dives,
                    None if place is None else place.group,
                    "yes" if one.usable else "no",
                    one.worse,
                    None if rule is None else rule.name,
                    None if rule is None else rule.least,
                    None if rule is None else rule.most,
                    one.why_unknown,
                )
            )
    return csv_table(COLUMNS, rows).encode()
