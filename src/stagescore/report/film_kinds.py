"""Kinds of films that show two dives; commands offer them before anything heavy is loaded."""

import enum


class CompareFilm(enum.StrEnum):
    """What kind of film shows two dives: beside each other, one laid over the other, or a film of each kind."""

    side_by_side = "side-by-side"
    ghost = "ghost"
    both = "both"


class Align(enum.StrEnum):
    """What lies on each other where one dive is laid over another: the bodies' centres of mass, or the points of the take-off."""

    centre = "centre"
    take_off = "take-off"
