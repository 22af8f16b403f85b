"""Are injected faults named by the corrections, and is what they name there?

Dives of the same numbers, with faults as a competition has them, say what is usual; then dives are made that are perfect but for one fault, and
dives that are perfect. Each is compared with the usual dives of its own number and height.
All are measured on their exact joints and their own pictures, so this asks measures and advice, and not who finds the joints. Every
measure counts as usable here: in simulated dives each goes with the marks. Source: none.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from stagescore.atomic import write_text
from stagescore.benchmarks.measure_truth import exact_facts
from stagescore.captions.advice import corrections
from stagescore.captions.grammar import Grammar
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.figures.contact_sheet import plan_of
from stagescore.hashing import hash_u64
from stagescore.json_files import read_object
from stagescore.measures.kinds import KINDS
from stagescore.measures.measuring import LEAST_CONFIDENCE, measure
from stagescore.measures.reference import Reference
from stagescore.simulate.dataset import default_stage, make_splash
from stagescore.simulate.judge import judge
from stagescore.simulate.sampling import draw_faults
from stagescore.simulate.types import DivePlan, Faults
from stagescore.simulate.write import SimulatedDive, write_dive

Progress = Callable[[str, int, int], None]

_SIZE_PX = (320, 180)
_EVENT = "injected"
_DIVES = (
    *(("107B", 3.0), ("405B", 3.0), ("205B", 3.0), ("305C", 3.0)),
    *(("107B", 10.0), ("207B", 10.0), ("407C", 10.0), ("201B", 10.0)),
)
FAULTS: dict[str, tuple[Faults, frozenset[str]]] = {
    "low jump": (Faults(low_jump_m=0.35), frozenset({"jump_height", "opening_time"})),
    "bent knees": (Faults(bent_knees_deg=45.0), frozenset({"knee_bend"})),
    "legs apart": (Faults(split_legs_deg=30.0), frozenset({"leg_split"})),
    "loose position": (Faults(loose_position_deg=35.0), frozenset({"tightness"})),
    "over": (
        Faults(over_rotation_deg=20.0),
        frozenset(
            {"entry_rotation", "entry_trunk", "entry_legs", "splash_width", "splash_height", "splash_area"}
        ),
    ),
    "short": (
        Faults(over_rotation_deg=-20.0),
        frozenset(
            {"entry_rotation", "entry_trunk", "entry_legs", "splash_width", "splash_height", "splash_area"}
        ),
    ),
    "loud entry": (Faults(loud_entry=1.0), frozenset({"splash_width", "splash_height", "splash_area"})),
}
"""Injected faults, large enough for any judge, and the measures that they change: a body that goes in aslant throws up more water, and
a lower jump leaves less time. Feet, a missing twist and a lean to the side are not measured from the side."""
PERFECT = "perfect"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDive:
    """What was said of a dive with one fault.

    Attributes:
        fault: Name of the fault in `FAULTS`, or `PERFECT`.
        number: Dive number.
        height_m: Height of the board in metres.
        named: Measures of the corrections, the plainest first.
    """

    fault: str
    number: str
    height_m: float
    named: tuple[str, ...]

    @property
    def right(self) -> int:
        """Number of corrections that name the fault or what it changes."""
        return 0 if self.fault == PERFECT else sum(name in FAULTS[self.fault][1] for name in self.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultTally:
    """How often a fault was named.

    Attributes:
        fault: Name of the fault, or `PERFECT`.
        dives: Number of dives with it.
        named: Number of dives of which a correction names it.
        said: Number of corrections that were said of these dives.
        right: Number of these that name the fault or what it changes.
        visible: Whether a camera sees anything that the fault changes.
    """

    fault: str
    dives: int
    named: int
    said: int
    right: int
    visible: bool = True


def name_faults(
    keep: Path, *, usual: int, each: int, seed: int, progress: Progress = lambda what, done, total: None
) -> list[FaultTally]:
    """Inject faults one at a time and count what the corrections name.

    Args:
        keep: Folder for the dives and what was said of them; a run that was stopped goes on there.
        usual: Number of dives of the population that say what is usual.
        each: Number of dives with each fault, and of perfect ones.
        seed: Seed of all dives.
        progress: Called as (what, done, total) after every dive.

    Raises:
        DataError: A dive cannot be written or read.
    """
    references = _usual_measures(keep / "usual", usual, seed, progress)
    kinds = [*FAULTS, PERFECT]
    found = []
    for number in range(len(kinds) * each):
        progress("dives with a fault", number, len(kinds) * each)
        fault = kinds[number % len(kinds)]
        path = keep / "said" / f"{number}.json"
        if path.is_file():
            content = read_object(path, what="note of a dive", todo="remove it", finite=False)
            found.append(NamedDive(**{**content, "named": tuple(content["named"])}))
            continue
        place = number // len(kinds)
        reference = references[place % len(_DIVES)]
        said = _said_of(keep / "injected" / str(number), fault, place, seed, reference)
        write_text(path, json.dumps(asdict(said)) + "\n")
        found.append(said)
    return [tally(fault, [one for one in found if one.fault == fault]) for fault in kinds]


def tally(fault: str, dives: Sequence[NamedDive]) -> FaultTally:
    """Count what was said of the dives with a fault.

    Args:
        fault: Name of the fault, or `PERFECT`.
        dives: The dives with it.
    """
    return FaultTally(
        fault=fault,
        dives=len(dives),
        named=sum(one.right > 0 for one in dives),
        said=sum(len(one.named) for one in dives),
        right=sum(one.right for one in dives),
        visible=fault == PERFECT or is_visible(fault),
    )


def is_visible(fault: str) -> bool:
    """Whether a measure that a fault changes is ever told; a fault of one dive that is not measured there is missed, not invisible.

    Args:
        fault: Name of the fault in `FAULTS`.
    """
    return any(kind.trust >= LEAST_CONFIDENCE for kind in KINDS if kind.name in FAULTS[fault][1])


def _usual_measures(folder: Path, num_dives: int, seed: int, progress: Progress) -> list[Reference]:
    """What is usual for each of `_DIVES`."""
    rows: list[list[tuple[str, str, float]]] = [[] for _ in _DIVES]
    for done in range(num_dives):
        progress("usual dives", done, num_dives)
        place = done % len(_DIVES)
        code, height = _DIVES[place]
        kept = folder / f"{done}.json"
        if not kept.is_file():
            faults = draw_faults(seed, done, DiveNumber.parse(code))
            plan = plan_of(code, height, seed=hash_u64(seed, "usual", done) % 2**31, faults=faults)
            _write(folder / "dives" / str(done), plan)
            measures = measure(exact_facts(folder / "dives" / str(done), _EVENT, 1))
            values = {one.name: one.value for one in measures if one.value is not None}
            write_text(kept, json.dumps(values) + "\n")
        measured = read_object(kept, what="measures of a dive", todo="remove them", finite=False)
        rows[place] += [(name, code, value) for name, value in measured.items()]
    names = tuple(kind.name for kind in KINDS)
    return [Reference.of("simulated dives", some, {}, {}, names) for some in rows]


def _said_of(folder: Path, fault: str, place: int, seed: int, reference: Reference) -> NamedDive:
    code, height = _DIVES[place % len(_DIVES)]
    faults = Faults() if fault == PERFECT else FAULTS[fault][0]
    # The same dive with and without the fault: its look depends on its place alone.
    plan = plan_of(code, height, seed=hash_u64(seed, "named faults", place) % 2**31, faults=faults)
    if not (folder / "frames").is_dir():
        _write(folder, plan)
    measures = measure(exact_facts(folder, _EVENT, 1), reference)
    said = corrections(measures, {}, Grammar.of("en"))
    return NamedDive(
        fault=fault, number=code, height_m=height, named=tuple(correction.measure for correction in said)
    )


def _write(folder: Path, plan: DivePlan) -> None:
    stage = default_stage()
    motion = stage.dive(plan)
    splash = make_splash(plan, motion)
    film = stage.film(motion, splash, plan, _SIZE_PX)
    dive = SimulatedDive(
        index=0,
        event=_EVENT,
        number=1,
        plan=replace(plan),
        motion=motion,
        splash=splash,
        judgement=judge(plan, splash.size),
        pictures=film.pictures,
        jpeg_quality=90,
    )
    try:
        write_dive(dive, folder)
    except OSError as error:
        raise DataError(
            f"it cannot be written ({error})", where=folder, todo="make room, or choose another folder"
        ) from None
