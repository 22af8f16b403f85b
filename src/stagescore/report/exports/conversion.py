"""What `stagescore annotate convert` does: joints of any form in another, with or without times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from stagescore.atomic import write_bytes
from stagescore.errors import ConfigError
from stagescore.pose.formats import EmptyImage, LabelledImage
from stagescore.pose.labels import WITHOUT_EMPTY, Form, read_labels_and_empty, with_sizes, write_labels
from stagescore.report.exports.motion import Motion
from stagescore.report.exports.reading import ReadMotion, is_dive_folder, read_motion
from stagescore.report.exports.writing import (
    MOTION_FORMS,
    MotionForm,
    copy_images,
    motion_bytes,
    write_frames,
)
from stagescore.skeleton import Skeleton
from stagescore.skeleton_mapping import SkeletonMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What was written.

    Attributes:
        what: What was written, in words.
        content: Skeleton, frames and the like of what was written, as JSON has them.
        warnings: What to know of it.
    """

    what: str
    content: dict[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """Joints that are to be written in another form.

    Attributes:
        source: Folder of a dive that `score` or `annotate` wrote, or labels or poses in any form.
        skeleton: Skeleton of the source; told by the source by default.
        target: Skeleton to be written; the source's own by default.
        images: Folder of the images, for their sizes and as pictures beside labels.
        film: Film or folder of its images, for times and as pictures beside labels.
        frame_rate: Frames per second of the film.
        metres_per_pixel: Scale; places stay pixels by default.
        pictures: Whether pictures are put beside LabelMe's files.
    """

    source: Path
    skeleton: Skeleton | None = None
    target: Skeleton | None = None
    images: Path | None = None
    film: Path | None = None
    frame_rate: float | None = None
    metres_per_pixel: float | None = None
    pictures: bool = False

    def write(self, out: Path, form: str) -> Converted:
        """Read the source and write it in a form.

        Args:
            out: File, or for LabelMe and OpenPose a folder.
            form: One of the forms of labels or of motions.

        Raises:
            DataError: The source cannot be read, or has what the form refuses; or it cannot be written.
            ConfigError: The options do not fit the form, or nothing says when the frames are shown.
        """
        if form in MOTION_FORMS:
            if self.images is not None:
                raise ConfigError("--images is for labels", todo="give the folder of the images as --film")
            return self._write_motion(out, cast(MotionForm, form))
        if self.metres_per_pixel is not None:
            raise ConfigError(f"the form {form} is in pixels", todo="leave --metres-per-pixel out")
        return self._write_labels(out, cast(Form, form))

    def _write_motion(self, out: Path, form: MotionForm) -> Converted:
        read = self._motion()
        source = read.motion.track.skeleton
        motion = self._as_asked(read.motion)
        write_bytes(out, motion_bytes(motion, form))
        content = _facts(motion.track.skeleton, motion.track.derived) | {
            "frames": len(motion.frames),
            "frame_rate": motion.frame_rate,
            "unit": "deg" if form == "mot" else motion.unit,
        }
        told = [*read.notes, *_mapping_notes(source, motion.track.skeleton, motion.track.derived)]
        return Converted(what=f"{len(motion.frames)} frames", content=content, warnings=tuple(told))

    def _write_labels(self, out: Path, form: Form) -> Converted:
        timed = self._motion() if is_dive_folder(self.source) or self.film is not None else None
        notes: tuple[str, ...] = ()
        if timed is not None:
            (labels, empty), notes = timed.motion.labels(), timed.notes
            if not is_dive_folder(self.source):
                empty = []  # frames that nobody has labelled, which says nothing of who is in them
        else:
            labels, empty = read_labels_and_empty(self.source, self.skeleton)
            if self.images is not None:
                labels, empty = with_sizes(labels, self.images), with_sizes(empty, self.images)
        source = labels[0].skeleton if labels else None
        if self.target is not None:
            labels = [label.mapped(self.target) for label in labels]
        write_labels(out, labels, form, empty)
        if self.pictures:
            self._put_pictures(out, timed, [*labels, *empty])
        written = labels[0] if labels else None
        told = list(notes)
        if empty and form in WITHOUT_EMPTY:
            told.append(
                f"the form {form} has no place for {len(empty)} images without a diver; they are left out"
            )
        if source is not None and written is not None:
            told += _mapping_notes(source, written.skeleton, written.derived)
        content = _facts(
            None if written is None else written.skeleton, () if written is None else written.derived
        ) | {"images": len(labels), "without_diver": [one.image for one in empty]}
        return Converted(what=f"{len(labels)} labelled images", content=content, warnings=tuple(told))

    def _motion(self) -> ReadMotion:
        return read_motion(self.source, self.skeleton, film=self.film, frame_rate=self.frame_rate)

    def _as_asked(self, motion: Motion) -> Motion:
        motion = replace(motion, metres_per_pixel=self.metres_per_pixel)
        return motion if self.target is None else motion.mapped(self.target)

    def _put_pictures(
        self, out: Path, timed: ReadMotion | None, images: Sequence[LabelledImage | EmptyImage]
    ) -> None:
        names = [one.image for one in images]
        if timed is not None and timed.media is not None:
            frames = dict(zip(timed.motion.image_names, timed.motion.frames, strict=True))
            names.sort(key=frames.__getitem__)
            write_frames(out, timed.media, [frames[name] for name in names], names)
        elif timed is None and self.images is not None:
            copy_images(out, self.images, names)
        else:
            raise ConfigError(
                "there are no pictures", todo="give the film by --film, or the folder by --images"
            )


def _facts(skeleton: Skeleton | None, derived: Sequence[str]) -> dict[str, Any]:
    return {"skeleton": None if skeleton is None else skeleton.name, "derived": list(derived)}


def _mapping_notes(source: Skeleton, target: Skeleton, derived: Sequence[str]) -> list[str]:
    if source == target:
        return []
    way = SkeletonMapping(source, target)
    return [
        f"{what}: {', '.join(joints)}"
        for joints, what in ((derived, "derived from others"), (way.missing, "unknown"))
        if joints
    ]
