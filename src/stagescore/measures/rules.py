"""The rules of World Aquatics that measures touch, in our own words.

Source: the parts on judging of World Aquatics' competition regulations for diving, from memory, to be checked against the edition in
force. How many degrees or body lengths make half a point they leave to the judge, and so do we.
"""

from stagescore.measures.measure import JudgingRule

_HALF, _TWO = 0.5, 2.0

RULES: dict[str, JudgingRule] = {
    rule.name: rule
    for rule in (
        JudgingRule(
            name="take-off height",
            words="The take-off is to be bold and to bring height; where it does not, judges take off by their opinion.",
            least=_HALF,
            most=_TWO,
        ),
        JudgingRule(
            name="board clearance",
            words="The dive is to pass the board at a safe distance; too far out or touching the board costs half a point to two. A head "
            "that comes dangerously near caps the mark at 2.",
            least=_HALF,
            most=_TWO,
        ),
        JudgingRule(
            name="somersaults",
            words="The dive is to be the one announced; another number of somersaults is a failed dive.",
        ),
        JudgingRule(
            name="twists",
            words="Twists are to be complete; 90 degrees too many or too few are a failed dive, less costs half a point to two.",
            least=_HALF,
            most=_TWO,
        ),
        JudgingRule(
            name="position",
            words="Tuck and pike are to be tight; a loose or open position costs half a point to two.",
            least=_HALF,
            most=_TWO,
        ),
        JudgingRule(
            name="knees",
            words="Legs are straight in pike and straight positions; bent knees cost half a point to two.",
            least=_HALF,
            most=_TWO,
        ),
        JudgingRule(
            name="legs together",
            words="Feet and legs are together; apart they cost half a point to two.",
            least=_HALF,
            most=_TWO,
        ),
        JudgingRule(
            name="entry angle",
            words="The entry is to be vertical or nearly so with a straight body; short of it or past it costs half a point to two.",
            least=_HALF,
            most=_TWO,
        ),
        JudgingRule(
            name="splash",
            words="The entry is to throw up as little water as possible; no range is named, it counts within the entry.",
        ),
    )
}
