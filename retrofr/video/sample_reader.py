"""The reader of one stream: takes in frames and skipped packets as they are shown, gives samples and an account."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

from av.video.frame import VideoFrame

from retrofr.errors import ExhibitError
from retrofr.records import Exhibit, FrameRef, RangeKind, Sample
from retrofr.video._pyav import AV_FAILURES
from retrofr.video.container import reopen_stream
from retrofr.video.decoding.account import Account
from retrofr.video.decoding.course import Course, Step
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.decoding.decode import Decoded
from retrofr.video.decoding.dropping import Dropping
from retrofr.video.decoding.error_log import ErrorMeter
from retrofr.video.decoding.gate import Skipped
from retrofr.video.decoding.packets import StreamPacket
from retrofr.video.decoding.picture import PictureMaker
from retrofr.video.decoding.sequence import FrameSequence, Hooks, Timed
from retrofr.video.decoding.shown import Latest, Shown
from retrofr.video.decoding.timing import SegmentClock
from retrofr.video.hardware import open_for_decoding
from retrofr.video.plan import ReadingPlan, Resume
from retrofr.video.samples import SampleIterator
from retrofr.video.shots import ShotCounter
from retrofr.video.stillness import StillnessGate

_POSITION_EVERY_FRAMES = 16


class SampleReader(SampleIterator):
    """Iterates over the samples of one stream, in the order in which they are shown; a context manager.

    The container is closed when the end is reached, on an error, by :meth:`close` and at the end of ``with``.
    Memory is bounded: one frame is held back until the next frame's time is known.

    ``coverage_facts`` tell at any moment of the frames up to one; ``slice_number`` is the slice of that frame, and
    :meth:`resume_point` says how another reading goes on right behind it.
    """

    def __init__(
        self, exhibit: Exhibit, stream: int, plan: ReadingPlan, hooks: Hooks, errors: ErrorMeter | None
    ) -> None:
        self.coverage_facts = CoverageFacts()
        declared = {facts.index: facts.declared_seconds for facts in exhibit.streams}
        self.coverage_facts.declared_seconds = declared.get(stream)
        self.slice_number = 0
        self._index, self._plan, self._hooks = stream, plan, hooks
        self._container, self._stream, self._hardware = open_for_decoding(exhibit, stream, plan.video)
        try:
            self._sequence = FrameSequence(
                *(self._container, self._stream, self._hardware.plan(plan), hooks, errors),
                reopen=partial(reopen_stream, exhibit, stream),
            )
            self._prepare()
        except AV_FAILURES as error:
            self._container.close()
            raise ExhibitError(
                f"stream {stream} cannot be decoded ({error})", subject=exhibit.name
            ) from error
        self._samples = self._read()

    def _prepare(self) -> None:
        source, plan = self._sequence.source, self._plan
        self._course = Course(SegmentClock(source.step), self._sequence.grid, plan.windows)
        self._pictures = PictureMaker(self._stream, plan, self._hardware)
        codec = self._stream.codec_context.codec.canonical_name
        self._account = Account(
            self.coverage_facts, plan, source, self._sequence.decoder, self._pictures, codec
        )
        self._shots = ShotCounter(plan.sampling.shot_difference)
        self._gate = StillnessGate() if plan.sampling.gate else None
        self._still = self._suspect = False
        self._unseen_key = True
        self._held: list[FrameRef] = []
        self._latest: Latest | None = None
        self._before: VideoFrame | None = None
        self._point: Resume | None = None
        self._frames = self._ordinal = 0
        self._dropping = Dropping(plan.resume)
        if plan.resume is not None:
            self._ordinal = plan.resume.first_ordinal
            self._course.settle(plan.resume.first_segment)

    def close(self) -> None:
        """Stop reading and close the file; may be called more than once."""
        self._samples.close()
        self._container.close()

    def resume_point(self) -> Resume | None:
        """How to go on behind the latest frame that ``coverage_facts`` tell of; None before the first one.

        Facts as they are at that moment and those of the reading that goes on add up to those of an unbroken one.
        """
        return self._point

    def _read(self) -> Generator[Sample, None, None]:
        complete = False
        try:
            for item in self._sequence.items():
                yield from self._skip(item) if isinstance(item, Skipped) else self._show(item)
            yield from self._finish_latest(None, None, None)
            complete = True
        finally:
            self._account.conclude(complete, self._course.clock.usual_step())
            self._container.close()  # last: streams must not be touched after it

    def _skip(self, skipped: Skipped) -> Iterator[Sample]:
        """Packets that are not decoded: their times are taken in as if their frames were shown."""
        self._before = None
        if skipped.why == "unneeded":
            yield from self._pass_all(skipped.packets)
            self._shots.passes(len(skipped.packets))
            return
        only_keyframes = self._plan.sampling.only_keyframes
        for packet in skipped.packets:
            could_look = packet.is_key or not only_keyframes
            step = self._course.enter(packet.seconds, damaged=False, can_look=could_look)
            yield from self._finish_latest(packet.seconds, step, None)
            self._account.begin(packet.seconds)
            self._latest = Latest(packet.seconds, step, billed=skipped.why == "outside")
        self._shots.forget()
        resume = self._plan.resume
        if skipped.why == "before" and resume is not None and resume.after_packet is None:
            self._course.settle(resume.first_segment)

    def _pass_all(self, packets: Sequence[StreamPacket]) -> Iterator[Sample]:
        """Frames that no sample needs. Behind the first, those whose times are unbroken are told of together."""
        apart = bool(self._plan.windows)
        run: list[StreamPacket] = []
        for packet in packets:
            step = self._course.enter(packet.seconds, damaged=False, can_look=False)
            if run and step.broken is None:
                run.append(packet)
                continue
            self._pass_run(run)
            yield from self._finish_latest(packet.seconds, step, None)
            self._account.begin(packet.seconds)
            self._pass(packet, step)
            run = [] if apart or self._dropping.active else [packet]
        self._pass_run(run)

    def _pass_run(self, run: Sequence[StreamPacket]) -> None:
        """The first of these is the latest frame, and the others follow it without a break."""
        latest = self._latest
        if len(run) < 2 or latest is None or latest.shown is None:
            return
        shown, segment = latest.shown, latest.step.segment
        times = [packet.seconds for packet in run]
        self._account.count(times[0], times[-1], segment, shown.suspect, frames=len(run) - 1)
        self._account.show_run(_fate(shown), times, segment)
        self._ordinal += len(run) - 1
        self._note_point(replace(shown, packet=run[-2].number, ordinal=self._ordinal - 2), segment)
        self._unseen_key = self._unseen_key or any(packet.is_key for packet in run)
        step = latest.step if latest.step.broken is None else replace(latest.step, broken=None)
        last = replace(shown, packet=run[-1].number, ordinal=self._ordinal - 1)
        self._latest = Latest(times[-1], step, latest.billed, last)
        for seconds in times[1:]:
            self._tell_position(seconds)

    def _pass(self, packet: StreamPacket, step: Step) -> None:
        """A frame that no sample needs; it shares the fate of the one before it."""
        drops = self._dropping.active
        shown = Shown(packet.number, self._ordinal, self._suspect, self._still)
        self._latest = Latest(packet.seconds, step, not drops, shown)
        self._unseen_key = self._unseen_key or packet.is_key
        if drops:
            self._end_dropping(packet.number)
        self._ordinal += not drops
        self._tell_position(packet.seconds)

    def _show(self, timed: Timed) -> Iterator[Sample]:
        """Take in a frame; gives the sample before it, which is finished by that."""
        decoded, seconds = timed.decoded, timed.seconds
        for lost in decoded.lost:
            self._account.lose(lost)
        drops = self._dropping.drops(decoded.packet, is_key=decoded.is_keyframe)
        frame, has_picture = decoded.frame, decoded.frame.picture is not None
        can_look = has_picture and (frame.is_keyframe or not self._plan.sampling.only_keyframes)
        step = self._course.enter(seconds, decoded.damaged, can_look=can_look)
        yield from self._finish_latest(seconds, step, decoded)
        self._account.begin(seconds)
        before, self._before = self._before, frame.picture
        cut = self._shots.cuts(frame.points)
        self._unseen_key = self._unseen_key or decoded.is_keyframe
        due = step.wanted or (cut and step.inside and has_picture)
        looked_at = due and self._looks_at(timed, always=cut or step.broken is not None)
        self._suspect = decoded.suspect
        shown = Shown(
            *(decoded.packet, self._ordinal, decoded.suspect, self._still, timed, self._shots.shot, before),
            due=due and not drops,
            looked_at=looked_at and not drops,
        )
        self._latest = Latest(seconds, step, not drops, shown)
        if drops:
            self._end_dropping(decoded.packet)
        self._ordinal += not drops
        self._tell_position(seconds)

    def _tell_position(self, seconds: Fraction) -> None:
        self._frames += 1
        if self._hooks.on_position is not None and self._frames % _POSITION_EVERY_FRAMES == 1:
            self._hooks.on_position(seconds)

    def _looks_at(self, timed: Timed, *, always: bool) -> bool:
        """Whether a sample is looked at; the first one at or behind each keyframe always is."""
        decoded = timed.decoded
        always = always or self._unseen_key or decoded.suspect
        picture, gate = decoded.frame.picture, self._gate
        looks = picture is not None and (gate is None or gate.looks_at(picture, timed.seconds, always=always))
        if looks:
            self._unseen_key = False
        self._still = not looks
        return looks

    def _end_dropping(self, packet: int | None) -> None:
        resume = self._plan.resume
        if self._dropping.ends_with(packet) and resume is not None:
            self._course.settle(resume.first_segment)

    def _finish_latest(
        self, until: Fraction | None, step: Step | None, following: Decoded | None
    ) -> Iterator[Sample]:
        """The latest frame is shown until this media time; None: until its segment ends."""
        latest, self._latest = self._latest, None
        if latest is None:
            return
        broken = None if step is None else step.broken
        ends = until
        if ends is None or broken is not None:
            ends = latest.seconds + self._shown_for(latest)
            if broken is not None and broken.kind == "gap":
                ends = min(ends, broken.after)
        if not latest.billed:
            return
        damaged = following is not None and following.damaged
        next_frame = None if following is None else following.frame.picture
        usual = step.usual if step is not None and broken is None else None
        sample = self._tell(latest, ends, usual, next_frame)
        if broken is not None:
            self._account.pass_break(broken, ends, latest.step.segment, damaged)
        if sample is not None:
            yield sample

    def _shown_for(self, latest: Latest) -> Fraction:
        timed = None if latest.shown is None else latest.shown.timed
        declared = 0 if timed is None else timed.decoded.frame.duration or 0
        return self._course.clock.shown_for(declared * self._sequence.source.time_base)

    def _tell(
        self, latest: Latest, ends: Fraction, usual: Fraction | None, following: VideoFrame | None
    ) -> Sample | None:
        """Write the finished frame into the coverage facts; gives it as a sample where it is one."""
        account, shown, start = self._account, latest.shown, latest.seconds
        segment = latest.step.segment
        if shown is None:
            account.pass_outside(start, ends, segment)
            return None
        account.count(start, ends, segment, shown.suspect)
        self._note_point(shown, segment)
        image = None
        picture = None if shown.timed is None else shown.timed.decoded.frame.picture
        if picture is not None and shown.looked_at:
            image = self._pictures.picture(shown.before, picture, following)
            if image is None and self._gate is not None:
                self._gate.forget()
        if not latest.step.inside:
            account.pass_outside(start, ends, segment)
        elif shown.looked_at and image is None:
            account.pass_unseen(start, ends, segment)
        else:
            account.show(_fate(shown), start, ends, segment, usual)
        if shown.timed is None or not shown.due:
            return None
        where = self._where(shown, shown.timed, start, ends, segment)
        if not shown.looked_at:
            self._held.append(where)
        if image is None:
            return None
        self.coverage_facts.samples += 1
        account.look(start, segment)
        held, self._held = tuple(self._held), []
        return Sample(where, image, shown.shot, held)

    def _where(self, shown: Shown, timed: Timed, start: Fraction, ends: Fraction, segment: int) -> FrameRef:
        return FrameRef(
            stream=self._index,
            segment=segment,
            ordinal=shown.ordinal,
            pts=timed.decoded.frame.pts,
            time_base=self._sequence.source.time_base,
            seconds=start,
            until_seconds=ends,
            time_source=timed.source,
            packet=shown.packet,
            suspect=shown.suspect,
        )

    def _note_point(self, shown: Shown, segment: int) -> None:
        if shown.packet is not None:
            self.slice_number = self._sequence.slice_of(shown.packet)
            self._point = Resume(self.slice_number, shown.packet, shown.ordinal + 1, segment)


def _fate(shown: Shown) -> RangeKind:
    return "suspect" if shown.suspect else "static" if shown.still else "searched"
