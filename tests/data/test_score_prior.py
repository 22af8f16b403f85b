"""What to expect of a dive before it is seen."""

import numpy as np
import pytest

from stagescore.data.score_prior import SHRINKAGE, ScorePrior, sex_of
from stagescore.errors import DataError
from stagescore.types import Dive


def dive(number: str | None, execution: float, k: int, *, event: str = "Men10m", **changes: object) -> Dive:
    values = {"height_m": 10.0, "difficulty": 3.0} | changes
    return Dive(
        dataset="made",
        event=event,
        number=k,
        recording=f"made/{event}/{k}",
        split="train",
        score=execution * 3.0,
        dive_number=number,
        **values,  # type: ignore[arg-type]
    )


def test_a_number_counts_by_how_many_dives_it_has() -> None:
    many = [dive("107B", 30.0, k) for k in range(40)] + [dive("407C", 20.0, 100 + k) for k in range(2)]
    prior = ScorePrior.fit(many)
    whole = (40 * 30 + 2 * 20) / 42
    frequent = prior.expect(difficulty=2.0, dive_number="107B", height_m=10.0)
    rare = prior.expect(difficulty=2.0, dive_number="407C", height_m=10.0)
    assert frequent.num_dives == 40 and rare.num_dives == 2
    # Both groups of the same height stand between all dives and the number, and have the mean of all.
    assert frequent.score == pytest.approx(2.0 * (whole + 40 / (40 + SHRINKAGE) * (30 - whole)))
    assert rare.score == pytest.approx(2.0 * (whole + 2 / (2 + SHRINKAGE) * (20 - whole)))


def test_an_unknown_number_gets_the_mean_of_its_height() -> None:
    prior = ScorePrior.fit(
        [dive("107B", 30.0, k) for k in range(20)]
        + [dive("105B", 20.0, 50 + k, height_m=3.0) for k in range(20)]
    )
    high, low = (prior.expect(difficulty=1.0, dive_number="614B", height_m=h) for h in (10.0, 3.0))
    assert high.score > 25 > low.score
    assert high.num_dives == 0 and "10 m" in high.group


def test_synchronised_dives_and_those_without_a_difficulty_are_left_out() -> None:
    kept = [dive("107B", 25.0, k) for k in range(3)]
    odd = [dive("107B", 90.0, 10, synchronised=True), dive("107B", 90.0, 11, difficulty=None)]
    assert ScorePrior.fit(kept + odd) == ScorePrior.fit(kept)
    with pytest.raises(DataError, match="no single dive"):
        ScorePrior.fit(odd)


def test_it_survives_being_written() -> None:
    prior = ScorePrior.fit([dive("107B", 20.0 + k, k) for k in range(9)])
    again = ScorePrior.from_json(prior.as_json())
    assert again.expect(difficulty=3.0, dive_number="107B").score == pytest.approx(
        prior.expect(difficulty=3.0, dive_number="107B").score, abs=1e-3
    )
    with pytest.raises(DataError, match="lacks"):
        ScorePrior.from_json({"10 m": {"num": 3, "mean": 20.0, "variance": 1.0}})


@pytest.mark.slow
def test_the_shipped_table_is_of_finediving_without_london(shared: object) -> None:
    from pathlib import Path

    from stagescore.data import finediving

    labels = finediving.load(Path(str(shared)) / "data" / "finediving").manifest
    fitted = ScorePrior.fit(dive for dive in labels if dive.event not in ("01", "02", "03"))
    assert fitted.as_json() == ScorePrior.shipped().as_json()
    executions = np.array(
        [d.execution for d in labels if not d.synchronised and d.event not in ("01", "02", "03")]
    )
    assert ScorePrior.shipped().groups[""].mean == pytest.approx(executions.mean(), abs=1e-4)


def test_sex_is_read_from_names_of_events() -> None:
    assert sex_of("Budapest2021Diving10mPlatformWomenFinal_1") == "women"
    assert sex_of("3mMenSpringboardFinal-EuropeanChampionships2021_1") == "men"
    assert sex_of("03") is None
