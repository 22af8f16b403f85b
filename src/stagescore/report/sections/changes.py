"""What to change: what happened, what it costs and what to do, each with the frame that shows it."""

from stagescore.report.pictures import CaptionedPicture, Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import TIMES, Sentence, moment, short_moment
from stagescore.scoring.result import Result


def build(result: Result, pictures: Pictures) -> Content | None:
    """Every correction with its picture; nothing where there is none."""
    if not result.corrections:
        return None
    uris = pictures.strip(frames(result), skeleton=True)
    # Under water no joints are known: the splash is shown without them.
    uris |= pictures.strip(frame for frame in frames(result) if frame not in uris)
    return {
        "changes": [
            {
                "what": Sentence(one.change, (f"corrections[{k}].change",)),
                "why": Sentence(
                    " ".join(part for part in (one.happened, one.costs) if part),
                    (f"corrections[{k}].happened", f"corrections[{k}].costs"),
                ),
                "shots": []
                if one.frame not in uris
                else [
                    CaptionedPicture(
                        uris[one.frame],
                        f"The dive at {moment(result, one.frame)}",
                        Sentence(short_moment(result, one.frame), (f"corrections[{k}].frame", *TIMES)),
                    )
                ],
            }
            for k, one in enumerate(result.corrections)
        ]
    }


def frames(result: Result) -> tuple[int, ...]:
    """The frame that shows each fault."""
    return tuple(dict.fromkeys(one.frame for one in result.corrections))


SECTION = Section(
    order=22, title="What to change", reads=("corrections", "stages"), build=build, frames=frames
)
