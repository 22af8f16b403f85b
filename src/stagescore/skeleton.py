"""The joint layout that poses are kept in: the 16 joints of MPII, in MPII's order.

Source: the authors' FineDiving-Pose files and the MPII data standard (paper, section IV-B).
"""

JOINTS: tuple[str, ...] = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "pelvis",
    "thorax",
    "upper_neck",
    "head_top",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
)
"""Joint names by index."""

NUM_JOINTS = len(JOINTS)


def _mirrored(name: str) -> str:
    side, _, rest = name.partition("_")
    return f"{ {'left': 'right', 'right': 'left'}.get(side, side) }_{rest}".rstrip("_")


FLIP_ORDER: tuple[int, ...] = tuple(JOINTS.index(_mirrored(name)) for name in JOINTS)
"""`pose[FLIP_ORDER]` swaps left and right, as a mirrored picture does."""

BONES: tuple[tuple[int, int], ...] = (
    (0, 1),
    (1, 2),
    (2, 6),
    (5, 4),
    (4, 3),
    (3, 6),
    (6, 7),
    (7, 8),
    (8, 9),
    (10, 11),
    (11, 12),
    (12, 7),
    (15, 14),
    (14, 13),
    (13, 7),
)
"""Pairs of joints that a drawing connects."""

MASS_SHARES: tuple[float, ...] = (
    0.033,
    0.083,
    0.084,
    0.084,
    0.083,
    0.033,
    0.217,
    0.216,
    0.021,
    0.049,
    0.013,
    0.024,
    0.012,
    0.012,
    0.024,
    0.012,
)
"""How much of the body's mass each joint stands for: segments shared between their ends after P. de Leva,
Journal of Biomechanics 29 (1996); feet and hands go to ankles and wrists."""
