"""Clips in which everybody but the candidate is hidden, in every frame.

The stretch is decoded at its full rate, three times. First faces are looked for in every frame and joined to paths;
those that pass through the candidate's known places are the candidate's. Then faces on these are compared with the
candidate anew (:mod:`retrofr.redaction.recognising`). At last everybody else, and whoever is in doubt, is hidden:
where they were found, between, and for a while before and after, as :mod:`retrofr.redaction.between` says. Frames with
damage, in which a face may not look like one, are hidden whole. Nothing of a frame that was not looked at is written.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from retrofr.errors import ExhibitError
from retrofr.records import Exhibit, Floats, Pixels, Sample
from retrofr.redaction.between import HOLD_SECONDS, FacePath, interpolated
from retrofr.redaction.checking import HowChecked, PictureCheck
from retrofr.redaction.following import Course, looked_through, told_apart
from retrofr.redaction.painting import HIDDEN_GREY, with_hidden
from retrofr.redaction.recognising import Recognised, Recogniser, recognised
from retrofr.settings import SamplingSettings
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan
from retrofr.video.writing import ClipWriter

FULL_RATE = 120.0
"""Frames a second that are taken; of footage with more, so many."""

_NOT_ANEW = "the candidate not compared anew"
_NOBODY: Floats = np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class RedactedClip:
    """What was written, and how it was checked.

    Args:
        path: of the clip.
        start_seconds, end_seconds: media time of its first frame, and of the end of its last.
        frames: in the clip; each was looked at.
        frames_with_candidate: in which the candidate is shown: found, or between two frames in which it was.
        faces_hidden: over all frames; ``paths_hidden`` are the faces that they are of, a lost one counted again.
        frames_doubtful: in which a face on the candidate's path is hidden, as it did not compare with the candidate.
        frames_suspect: in which damage was reported: a face there may not look like one.
        frames_hidden: of which nothing is shown: the suspect ones.
        how: what looked for faces; None where nobody is hidden.
        anew: what compared the candidate anew; None where nothing did.
    """

    path: Path
    start_seconds: Fraction
    end_seconds: Fraction
    frames: int
    frames_with_candidate: int
    faces_hidden: int
    paths_hidden: int
    frames_doubtful: int
    frames_suspect: int
    frames_hidden: int
    how: HowChecked | None
    anew: str | None

    def document(self) -> dict[str, Any]:
        """As plain values, under the names of the fields."""
        plain = {spec.name: getattr(self, spec.name) for spec in dataclasses.fields(self)}
        return plain | {
            "path": str(self.path),
            "how": None if self.how is None else dataclasses.asdict(self.how),
            "held_seconds": HOLD_SECONDS,
            "checked": self.checked,
        }

    @property
    def checked(self) -> str | None:
        """One sentence for people, without a full stop; None where nobody is hidden."""
        if self.how is None:
            return None
        anew = _NOT_ANEW if self.anew is None else f"the candidate {self.anew}"
        return f"{self.how.describe()}; all {self.frames:,} frames looked at; {anew}"


@dataclass
class _Tally:
    """What came of the frames of a clip."""

    hidden: int = 0
    with_candidate: int = 0
    doubtful: int = 0
    suspect: int = 0


def redacted_clip(
    exhibit: Exhibit,
    start_seconds: Fraction,
    end_seconds: Fraction,
    candidate: Sequence[FacePath],
    check: PictureCheck,
    out_path: Path,
    *,
    decoder: DecoderProcess,
    recogniser: Recogniser | None = None,
    stream: int | None = None,
    plan: ReadingPlan | None = None,
    told: Callable[[Fraction], None] = lambda _seconds: None,
) -> RedactedClip:
    """Write a stretch of a recording in which everybody but the candidate is hidden.

    Args:
        exhibit: the recording.
        start_seconds, end_seconds: media time [start, end) that is written.
        candidate: where the candidate was seen: :func:`retrofr.redaction.between.path_of` each of its tracklets.
        check: looks for faces.
        out_path: of the clip, MP4; it must not exist.
        decoder: reads the recording.
        recogniser: compares the candidate anew; without it somebody whose path crosses the candidate's may be shown.
        stream: which video stream; that of the candidate where None.
        plan: what the examiner knows of the footage; its sampling and windows do not count.
        told: called with the media time that each pass has reached.

    Raises:
        ExhibitError: the recording cannot be read, holds no frame there, or its picture changes size there.
        ModelError: the detector or an embedder cannot be used; nothing is written then.
        OutputError: the clip exists already or cannot be written.
    """
    number = stream if stream is not None else _stream_of(exhibit, candidate)
    read = partial(_read, decoder, exhibit, number, _at_full_rate(plan, start_seconds, end_seconds), told)
    course = looked_through(read(), check)
    if not course.frames:
        raise _no_frames(exhibit, start_seconds, end_seconds)
    own, others = told_apart(course, candidate)
    found = Recognised(tuple(each.path for each in own), ())
    if recogniser is not None and own:
        found = recognised(read(), course, own, others, recogniser)
    tally = _write(read(), course, found, others, exhibit, out_path)
    return RedactedClip(
        path=out_path,
        start_seconds=course.frames[0].seconds,
        end_seconds=course.frames[-1].until_seconds,
        frames=len(course.frames),
        frames_with_candidate=tally.with_candidate,
        faces_hidden=tally.hidden,
        paths_hidden=len(others),
        frames_doubtful=tally.doubtful,
        frames_suspect=tally.suspect,
        frames_hidden=tally.suspect,
        how=check.how,
        anew=None if recogniser is None else recogniser.describe(),
    )


def unredacted_clip(
    exhibit: Exhibit,
    start_seconds: Fraction,
    end_seconds: Fraction,
    out_path: Path,
    *,
    decoder: DecoderProcess,
    stream: int,
    plan: ReadingPlan | None = None,
    told: Callable[[Fraction], None] = lambda _seconds: None,
) -> RedactedClip:
    """Write a stretch of a recording in which nobody is hidden, for which somebody must have given a reason.

    Args and errors are those of :func:`redacted_clip`.
    """
    frames = suspect = 0
    first, end = Fraction(0), Fraction(0)
    plan = _at_full_rate(plan, start_seconds, end_seconds)
    with contextlib.ExitStack() as stack:
        writer: ClipWriter | None = None
        for sample in _read(decoder, exhibit, stream, plan, told):
            writer = _writer(stack, writer, sample, exhibit, out_path)
            writer.write(sample.image, sample.frame.seconds, sample.frame.until_seconds)
            first = first if frames else sample.frame.seconds
            frames, end = frames + 1, sample.frame.until_seconds
            suspect += sample.frame.suspect
        if not frames:
            raise _no_frames(exhibit, start_seconds, end_seconds)
    return RedactedClip(out_path, first, end, frames, 0, 0, 0, 0, suspect, 0, None, None)


def _read(
    decoder: DecoderProcess,
    exhibit: Exhibit,
    stream: int,
    plan: ReadingPlan,
    told: Callable[[Fraction], None],
) -> Iterator[Sample]:
    with decoder.read_samples(exhibit, stream, plan) as reader:
        for sample in reader:
            told(sample.frame.seconds)
            yield sample


def _at_full_rate(plan: ReadingPlan | None, start_seconds: Fraction, end_seconds: Fraction) -> ReadingPlan:
    return dataclasses.replace(
        plan or ReadingPlan(SamplingSettings()),
        sampling=SamplingSettings(rate=FULL_RATE, gate=False),
        windows=((start_seconds, end_seconds),),
        resume=None,
    )


def _stream_of(exhibit: Exhibit, candidate: Sequence[FacePath]) -> int:
    return candidate[0].stream if candidate else exhibit.streams[0].index


def _no_frames(exhibit: Exhibit, start_seconds: Fraction, end_seconds: Fraction) -> ExhibitError:
    return ExhibitError(
        f"holds no frame between {float(start_seconds):.3f} s and {float(end_seconds):.3f} s",
        subject=exhibit.name,
    )


def _writer(
    stack: contextlib.ExitStack, writer: ClipWriter | None, sample: Sample, exhibit: Exhibit, out_path: Path
) -> ClipWriter:
    """What writes the clip, opened at its first frame."""
    height, width = sample.image.shape[:2]
    writer = writer or stack.enter_context(ClipWriter(out_path, width, height))
    if writer.size != (width, height):
        raise ExhibitError("its picture changes size within the clip", subject=exhibit.name)
    return writer


def _write(
    samples: Iterable[Sample],
    course: Course,
    found: Recognised,
    others: Sequence[FacePath],
    exhibit: Exhibit,
    out_path: Path,
) -> _Tally:
    """The last pass."""
    tally = _Tally()
    frames = iter(course.frames)
    with contextlib.ExitStack() as stack:
        writer: ClipWriter | None = None
        for sample in samples:
            where = sample.frame
            if next(frames, None) != where:
                raise ExhibitError("gave other frames when it was read again", subject=exhibit.name)
            writer = _writer(stack, writer, sample, exhibit, out_path)
            image = _painted(sample, course.cuts, found, others, tally)
            writer.write(image, where.seconds, where.until_seconds)
        if next(frames, None) is not None:
            raise ExhibitError("gave fewer frames when it was read again", subject=exhibit.name)
    return tally


def _painted(
    sample: Sample, cuts: Sequence[Fraction], found: Recognised, others: Sequence[FacePath], tally: _Tally
) -> Pixels:
    where = sample.frame
    at = partial(interpolated, seconds=where.seconds, stream=where.stream, segment=where.segment, cuts=cuts)
    hidden = at(others)
    doubtful = at(found.doubtful)
    shown = _NOBODY if where.suspect else at(found.shown, hold_seconds=Fraction(0))
    tally.hidden += len(hidden)
    tally.doubtful += bool(len(doubtful))
    tally.with_candidate += bool(len(shown))
    tally.suspect += where.suspect
    if where.suspect:
        return np.full_like(sample.image, HIDDEN_GREY)
    return with_hidden(sample.image, np.concatenate([hidden, doubtful]), list(shown))
