"""The stage that went wrong is the one that is blamed: one fault at a time, on simulated dives, with what ships."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stagescore.figures.contact_sheet import plan_of
from stagescore.scoring.result import Result
from stagescore.scoring.scorer import Scorer
from stagescore.simulate.dataset import default_stage, make_splash
from stagescore.simulate.judge import judge
from stagescore.simulate.types import Faults
from stagescore.simulate.write import SimulatedDive, write_dive

DIVES = (("107B", 3.0, 3), ("405B", 3.0, 5), ("201B", 10.0, 8), ("205B", 3.0, 9))
STAGES = ("take-off", "flight", "entry")

pytestmark = pytest.mark.slow


def scored(scorer: Scorer, folder: Path, code: str, height_m: float, seed: int, faults: Faults) -> Result:
    """Films a dive and scores it, with the joints that the simulated estimator gives."""
    plan = plan_of(code, height_m, seed=seed, faults=faults)
    stage = default_stage()
    motion = stage.dive(plan)
    splash = make_splash(plan, motion)
    film = stage.film(motion, splash, plan, (256, 144))
    write_dive(
        SimulatedDive(
            index=0, event="e", number=1, plan=plan, motion=motion, splash=splash,
            judgement=judge(plan, splash.size), pictures=film.pictures, jpeg_quality=90,
        ),
        folder,
    )  # fmt: skip
    return scorer.score(
        folder / "frames" / "e" / "1",
        poses=folder / "poses" / "e" / "pred_comp_1.npz",
        dive_number=code,
        height_m=height_m,
    )


@pytest.fixture(scope="module")
def good(nano: Scorer, tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """The dives without any fault."""
    return [scored(nano, tmp_path_factory.mktemp("good"), *dive, Faults()) for dive in DIVES]


@pytest.mark.parametrize(
    ("fault", "size", "blamed"),
    [("loud_entry", 1.0, "entry"), ("bent_knees_deg", 60.0, "flight")],
)
def test_one_fault_costs_points_in_its_stage(
    nano: Scorer, good: list[Result], tmp_path: Path, fault: str, size: float, blamed: str
) -> None:
    lost = []
    for number, (dive, clean) in enumerate(zip(DIVES, good, strict=True)):
        bad = scored(nano, tmp_path / str(number), *dive, replace(Faults(), **{fault: size}))
        assert clean.score is not None and bad.score is not None, (clean.reasons, bad.reasons)
        parts = {stage.name: stage.difference for stage in clean.stages}
        lost.append([parts[stage.name] - stage.difference for stage in bad.stages])
    mean = np.mean(lost, axis=0)
    assert mean.sum() > 1.0
    assert STAGES[int(mean.argmax())] == blamed, dict(zip(STAGES, mean.round(2).tolist(), strict=True))
