"""Checking labels: what disagrees, row by row.

Nothing here changes or drops a row. A finding names the dive, so that a reader can look it up.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from stagescore.data.findings import KINDS, Finding, Labels, of_kind
from stagescore.data.heights import (
    HEIGHTS_M,
    DifficultyTable,
    difficulty_problem,
    is_synchronised_compulsory,
    learn_difficulties,
)
from stagescore.data.manifest import Manifest, recordings
from stagescore.diving import PANEL_RULES, SYNCHRONISED_RULES, marks_problem, panel_rule, points_of_marks
from stagescore.types import Dive

JUDGING_TOLERANCE = 0.051
"""Points; announced scores are rounded to 0.01, some sources to 0.05 or 0.1."""
_USUAL_PANELS = (7, 5, 3)
"""Numbers of marks that the public data sets have; a report always says how many of them disagree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossDatasetOverlap:
    """Recordings that stand in two data sets.

    Attributes:
        other: Name of the other data set.
        shared: Ids of the dives whose recordings are in both data sets.
        test_in_other_train: Ids of dives tested on here that the other data set trains on.
        train_in_other_test: Ids of dives trained on here that the other data set tests on.
    """

    other: str
    shared: tuple[str, ...]
    test_in_other_train: tuple[str, ...]
    train_in_other_test: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Everything `stagescore data check` says.

    Attributes:
        manifest: The dives that were checked.
        findings: Rows that disagree with themselves or with each other.
        hand_labelled_images: Number of images with hand-made joints.
        overlap: Ids of test dives that the training split names too, or holds under another id.
        unchecked: Ids of dives whose judging arithmetic cannot be checked.
        cross_dataset_overlap: Recordings shared with another data set; None where no other was given.
    """

    manifest: Manifest
    findings: tuple[Finding, ...]
    hand_labelled_images: int
    overlap: tuple[str, ...]
    unchecked: tuple[str, ...]
    cross_dataset_overlap: CrossDatasetOverlap | None

    @property
    def consistent(self) -> bool:
        """Whether no row disagrees with anything, and everything that was asked for is there."""
        return not self.findings and not self.overlap

    def with_manifest(self, manifest: Manifest) -> "CheckReport":
        """The same report of the same dives with other marks on them."""
        return replace(self, manifest=manifest)

    def judging_errors(self) -> dict[str, list[Finding]]:
        """Rows whose marks do not give their score, by number of marks: 7, 5, 3 and whatever else there is."""
        rows: dict[str, list[Finding]] = {str(n): [] for n in self._panels()}
        for finding in of_kind(self.findings, "judging_errors"):
            rows[str(len(self.manifest[finding.dive_id].marks))].append(finding)
        return rows

    def _panels(self) -> list[int]:
        given = {len(dive.marks) for dive in self.manifest if _is_checkable(dive)}
        return sorted({*_USUAL_PANELS, *given}, reverse=True)

    def as_json(self) -> dict[str, Any]:
        """Figures under the keys of docs/data.md, and under `rows` the dives behind each."""
        dives = self.manifest.dives
        scores = [dive.score for dive in dives]
        judging = self.judging_errors()
        cross = self.cross_dataset_overlap
        named = {kind: of_kind(self.findings, kind) for kind in KINDS if kind != "judging_errors"}
        return {
            "dataset": dives[0].dataset,
            "dives": len(dives),
            "train": len(self.manifest.select("train")),
            "test": len(self.manifest.select("test")),
            "validation": len(self.manifest.select("val")),
            "individual": len(self.manifest.select(individual_only=True)),
            "overlap": len(self.overlap),
            "dive_numbers": len({dive.dive_number for dive in dives if dive.dive_number}),
            "score_range": [min(scores), max(scores)],
            "transitions": _transition_counts(self.manifest) | {"unusable": len(named["transitions"])},
            "heights": _height_counts(self.manifest),
            "judging_rules": {str(n): _rule_words(n) for n in self._panels()},
            "judging_errors": {n: len(rows) for n, rows in judging.items()},
            "unchecked": len(self.unchecked),
            "synchronised_compulsory": sum(map(is_synchronised_compulsory, dives)),
            **{kind: len(rows) for kind, rows in named.items() if kind != "transitions"},
            "hand_labelled_images": self.hand_labelled_images,
            "cross_dataset_overlap": None
            if cross is None
            else {
                "other": cross.other,
                "shared": len(cross.shared),
                "test_in_other_train": len(cross.test_in_other_train),
                "train_in_other_test": len(cross.train_in_other_test),
            },
            "consistent": self.consistent,
            "rows": {
                "overlap": list(self.overlap),
                "judging_errors": {n: _rows(rows) for n, rows in judging.items()},
                "unchecked": list(self.unchecked),
                **{kind: _rows(rows) for kind, rows in named.items()},
                "cross_dataset_overlap": None
                if cross is None
                else {
                    "shared": list(cross.shared),
                    "test_in_other_train": list(cross.test_in_other_train),
                    "train_in_other_test": list(cross.train_in_other_test),
                },
            },
        }


def json_bytes(document: dict[str, Any]) -> bytes:
    """A document as it is written to files."""
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def check(labels: Labels, other: Manifest | None = None) -> CheckReport:
    """Check labels against themselves, and against another data set's splits.

    Args:
        labels: Labels as a loader returns them; their own findings are kept.
        other: Dives of another data set, to report shared recordings; None for no comparison.
    """
    manifest = labels.manifest
    table = learn_difficulties(manifest)
    findings = [*labels.findings]
    for dive in manifest:
        findings.extend(_findings_of(dive, table))
    trained = recordings(manifest.select("train"))
    return CheckReport(
        manifest=manifest,
        findings=tuple(findings),
        hand_labelled_images=labels.hand_labelled_images,
        overlap=tuple(
            dive.dive_id
            for dive in manifest.select("test")
            if dive.recording in trained or dive.dive_id in labels.overlap
        ),
        unchecked=tuple(dive.dive_id for dive in manifest if not _is_checkable(dive)),
        cross_dataset_overlap=None if other is None else _cross_overlap(manifest, other),
    )


def _findings_of(dive: Dive, table: DifficultyTable) -> Iterator[Finding]:
    if problem := judging_problem(dive):
        yield Finding("judging_errors", dive.dive_id, problem)
    if dive.marks and (problem := marks_problem(dive.marks, synchronised=dive.synchronised)):
        yield Finding("impossible_marks", dive.dive_id, f"{problem}: {list(dive.marks)}")
    if problem := difficulty_problem(dive, table):
        yield Finding("difficulty_disagreements", dive.dive_id, problem)
    if dive.label_changes is not None and dive.transitions and dive.label_changes != dive.transitions:
        yield Finding(
            "label_disagreements",
            dive.dive_id,
            f"transitions {list(dive.transitions)}, but the frame labels change after {list(dive.label_changes)}",
        )
    if problem := dive.transitions_problem:
        yield Finding("transitions", dive.dive_id, f"{problem}; its stages are masked")


def _is_checkable(dive: Dive) -> bool:
    rule = panel_rule(len(dive.marks), synchronised=dive.synchronised)
    return dive.difficulty is not None and rule is not None


def _rule_words(num_marks: int) -> str:
    """The rule for a number of marks, in words; both of them where synchronised dives have another."""
    single, paired = PANEL_RULES.get(num_marks), SYNCHRONISED_RULES.get(num_marks)
    if paired is None or paired == single:
        return "" if single is None else single.words
    return f"{'' if single is None else single.words + '; '}synchronised: {paired.words}"


def judging_problem(dive: Dive) -> str | None:
    """Why a dive's marks do not give its score within 0.051 points, or None (also where unlabelled)."""
    if dive.difficulty is None or not _is_checkable(dive):
        return None
    points = points_of_marks(dive.marks, dive.difficulty, synchronised=dive.synchronised)
    if abs(points - dive.score) <= JUDGING_TOLERANCE:
        return None
    return f"marks {list(dive.marks)} x {dive.difficulty:g} give {points:.2f}, labelled {dive.score:g}"


def _transition_counts(manifest: Manifest) -> dict[str, int]:
    counts = Counter(len(dive.transitions) for dive in manifest)
    return {str(n) if n else "none": counts[n] for n in sorted(counts)}


def _height_counts(manifest: Manifest) -> dict[str, int]:
    counts = Counter((dive.height_m, dive.height_source) for dive in manifest)
    named = {f"{h:g} m {s}": counts[h, s] for h in HEIGHTS_M for s in ("named", "inferred") if counts[h, s]}
    return named | {"unknown": counts[None, "unknown"]}


def _rows(findings: list[Finding]) -> list[dict[str, str]]:
    return [{"dive": finding.dive_id, "what": finding.what} for finding in findings]


def _cross_overlap(manifest: Manifest, other: Manifest) -> CrossDatasetOverlap:
    everything = recordings(other)
    trained, tested = recordings(other.select("train")), recordings(other.select("test"))
    return CrossDatasetOverlap(
        other=other.dives[0].dataset,
        shared=tuple(dive.dive_id for dive in manifest if dive.recording in everything),
        test_in_other_train=tuple(d.dive_id for d in manifest.select("test") if d.recording in trained),
        train_in_other_test=tuple(d.dive_id for d in manifest.select("train") if d.recording in tested),
    )
