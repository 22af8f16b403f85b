"""Motions as Kinovea's annotations (KVA): a track for each joint, over the same film.

Source: Kinovea's reader (github.com/Kinovea/Kinovea: MetadataSerializer, DrawingTrack, CalibratorPlane), format version 2.0.
Places are pixels of the picture in this form; a scale is written as Kinovea's own calibration by a line. Times are counted in
thousandths of a frame from the film's first, so that films of a varying frame rate keep theirs.
Departs: only joints that were seen are points of a track; Kinovea draws a line over what is missing between them.
"""

import uuid
from xml.etree import ElementTree

from stagescore.printable import xml_text
from stagescore.report.exports.motion import Motion

STAMPS_PER_FRAME = 1000
PLACE_DIGITS = 3
_COLOURS = {"left": "255;220;40;40", "right": "255;40;110;220"}
_MIDDLE = "255;140;140;140"
_NAMES = uuid.UUID("6f2d7c0e-6a5b-5b1e-9a51-4b3c3b6e5d11")
"""Space of the tracks' names: the same joint of the same film always has the same identifier."""


def motion_kva(motion: Motion) -> bytes:
    """A KVA file; joints that were seen nowhere have no track.

    Args:
        motion: Motion to write; without the size of its picture, Kinovea takes places for pixels of the film it has open.
    """
    root = ElementTree.Element("KinoveaVideoAnalysis")
    name, file_rate = xml_text(motion.name), motion.frame_rate / motion.slowmo
    # Kinovea needs size and times before everything that they are used for.
    head = {"FormatVersion": "2.0", "Producer": "stagescore", "OriginalFilename": name}
    if motion.size_px is not None:
        head["ImageSize"] = f"{motion.size_px[0]};{motion.size_px[1]}"
    head |= {
        "AverageTimeStampsPerFrame": str(STAMPS_PER_FRAME),
        "CaptureFramerate": f"{motion.frame_rate:.6f}",
        "UserFramerate": f"{file_rate:.6f}",
        "FirstTimeStamp": "0",
        "SelectionStart": "0",
        "TimeOrigin": "0",
    }
    for key, value in head.items():
        ElementTree.SubElement(root, key).text = value
    if motion.metres_per_pixel is not None:
        _add_calibration(root, motion.metres_per_pixel)
    # Kinovea cannot read an empty list of tracks.
    if motion.believed.any():
        tracks = ElementTree.SubElement(root, "Tracks")
        for joint, joint_name in enumerate(motion.track.skeleton.joints):
            _add_track(tracks, motion, joint, joint_name)
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _add_calibration(root: ElementTree.Element, metres_per_pixel: float) -> None:
    calibration = ElementTree.SubElement(root, "Calibration")
    line = ElementTree.SubElement(calibration, "CalibrationLine")
    ElementTree.SubElement(line, "Length").text = f"{100 * metres_per_pixel:.9g}"
    segment = ElementTree.SubElement(line, "Segment")
    ElementTree.SubElement(segment, "A").text = "0;0"
    ElementTree.SubElement(segment, "B").text = "100;0"
    ElementTree.SubElement(line, "Origin").text = "0;0"
    ElementTree.SubElement(calibration, "Unit", Abbreviation="m").text = "Meters"


def _add_track(tracks: ElementTree.Element, motion: Motion, joint: int, name: str) -> None:
    seen = motion.believed[:, joint]
    if not seen.any():
        return
    places = motion.track.joints_px[seen, joint].tolist()
    stamps = [
        round(time_s * motion.frame_rate * STAMPS_PER_FRAME) for time_s in motion.times_s[seen].tolist()
    ]
    identifier = str(uuid.uuid5(_NAMES, f"{xml_text(motion.name)}/{name}"))
    track = ElementTree.SubElement(tracks, "Track", id=identifier, name=name)
    ElementTree.SubElement(track, "TimePosition").text = str(stamps[0])
    ElementTree.SubElement(track, "Mode").text = "Complete"
    points = ElementTree.SubElement(track, "TrackPointList", Count=str(len(stamps)))
    for (x, y), stamp in zip(places, stamps, strict=True):
        point = f"{x:.{PLACE_DIGITS}f};{y:.{PLACE_DIGITS}f};{stamp}"
        ElementTree.SubElement(points, "TrackPoint").text = point
    label = ElementTree.SubElement(track, "MainLabel", Text=name)
    ElementTree.SubElement(
        label, "SpacePosition"
    ).text = f"{round(places[0][0]) - 20};{round(places[0][1]) - 30}"
    ElementTree.SubElement(label, "TimePosition").text = str(stamps[0])
    style = ElementTree.SubElement(track, "DrawingStyle")
    for tag, key, value in (
        ("Color", "color", _COLOURS.get(name.split("_", maxsplit=1)[0], _MIDDLE)),
        ("LineSize", "line size", "2"),
        ("TrackShape", "track shape", "Solid;false"),
    ):
        ElementTree.SubElement(ElementTree.SubElement(style, tag, Key=key), "Value").text = value
