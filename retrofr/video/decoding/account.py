"""What a reading found, in ranges and sentences: the coverage statement of one stream."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from retrofr.records import RangeKind
from retrofr.results import BLIND_DECODER
from retrofr.video.decoding.coverage import BreakLog, CoverageFacts, LookLog, Spots, shown
from retrofr.video.decoding.damage import REPORTS_DAMAGE
from retrofr.video.decoding.decode import StreamDecoder
from retrofr.video.decoding.fate import LostPacket
from retrofr.video.decoding.packets import PacketSource
from retrofr.video.decoding.picture import PictureMaker
from retrofr.video.decoding.ranges import RangeLog
from retrofr.video.decoding.timing import Break
from retrofr.video.plan import ReadingPlan

# A stream that ends this much before its declared end was cut; containers round less than that.
_SHORTFALL_SECONDS = Fraction(1, 2)
# After reported damage in a recording of constant rate, a step of this many usual ones is a hole.
_HOLE_STEPS = Fraction(19, 10)


class Account:
    """Keeps the coverage facts of one reading.

    Args:
        facts: what is written to.
        plan: what was asked for.
        source, decoder, pictures: what reads the stream.
        codec: its name.
    """

    def __init__(
        self,
        facts: CoverageFacts,
        plan: ReadingPlan,
        source: PacketSource,
        decoder: StreamDecoder,
        pictures: PictureMaker,
        codec: str,
    ) -> None:
        self.facts = facts
        self.ranges = RangeLog(facts)
        self.unseen = Spots()
        self._plan, self._source, self._decoder = plan, source, decoder
        self._pictures, self._codec = pictures, codec
        self._breaks = BreakLog()
        self._begun = False
        self._late: tuple[Fraction, Fraction] | None = None
        self._reached: Fraction | None = None
        self._looks = LookLog() if plan.sampling.only_keyframes else None
        facts.codec_reports_damage = pictures.hardware.reports_damage(codec in REPORTS_DAMAGE)

    def begin(self, first: Fraction) -> None:
        """A frame, or what is skipped, is at this media time; only the first call matters."""
        if self._begun:
            return
        self._begun = True
        start = self._source.own_start
        if self._plan.resume is None and start is not None and first - start > _SHORTFALL_SECONDS:
            self.ranges.add("unreadable", start, first, 0, "no complete picture before the first one")
            self._late = start, first

    def lose(self, lost: LostPacket) -> None:
        """A packet is known to be lost."""
        resume = self._plan.resume
        if resume is None or resume.after_packet is None or lost.number > resume.after_packet:
            self.ranges.lose(lost.seconds)

    def count(self, start: Fraction, end: Fraction, segment: int, suspect: bool, frames: int = 1) -> None:
        """A decoded frame, or several, one behind the other, stand from ``start`` to ``end``."""
        facts = self.facts
        facts.frames += frames
        facts.suspect_frames += suspect * frames
        facts.damaged_packets = self._decoder.damaged_packets.count
        facts.damaged_frames = self._decoder.damaged_frames.count
        facts.first_seconds = start if facts.first_seconds is None else facts.first_seconds
        facts.last_seconds = end
        facts.segments = max(facts.segments, segment + 1)

    def show(
        self, kind: RangeKind, start: Fraction, end: Fraction, segment: int, usual: Fraction | None
    ) -> None:
        """A frame stands from ``start`` to ``end``.

        Args:
            kind: its fate: ``searched``, ``suspect`` or ``static``.
            usual: the usual step, where that is known and damage was reported behind the frame; else None.
        """
        self._reached = end
        own_end = end
        if usual is not None and end - start >= _HOLE_STEPS * usual:
            own_end = start + usual
        self.ranges.show(kind, start, own_end, segment)
        if own_end < end:
            self._hole(own_end, end, segment, "missing")

    def show_run(self, kind: RangeKind, times: Sequence[Fraction], segment: int) -> None:
        """Frames of the same fate follow each other at these times; the last one is not told of yet."""
        self._reached = times[-1]
        self.ranges.show_run(kind, times, segment)

    def look(self, start: Fraction, segment: int) -> None:
        """A frame is a sample."""
        if self._looks is not None:
            self._looks.look(start, segment)

    def pass_outside(self, start: Fraction, end: Fraction, segment: int) -> None:
        """A stretch outside the windows."""
        self._reached = end
        self.ranges.show("outside", start, end, segment)

    def pass_unseen(self, start: Fraction, end: Fraction, segment: int) -> None:
        """A frame was decoded and could not be made a picture."""
        self._reached = end
        self.unseen.add(start)
        self.ranges.show("unreadable", start, end, segment)

    def pass_break(self, broken: Break, ends: Fraction, segment: int, damaged: bool) -> None:
        """Time is broken behind a frame that ended at ``ends``; ``damaged``: damage was reported there."""
        self._breaks.add(broken.kind, broken.before, broken.after)
        if broken.kind == "gap":
            self._hole(ends, broken.after, segment, "missing" if damaged else "gap")

    def _hole(self, start: Fraction, end: Fraction, segment: int, kind: RangeKind) -> None:
        """No frame stands from ``start`` to ``end``; from the first lost packet on, there were some to decode."""
        first_lost = self.ranges.take_lost(start, end)
        # Its neighbours' times are rounded too: what is shorter than half a step is no stretch of its own.
        if first_lost is None or first_lost - start < self._source.step / 2:
            first_lost = end if first_lost is None else start
        self.ranges.add(kind, start, first_lost, segment, "damaged here" if kind == "missing" else "")
        self.ranges.add("unreadable", first_lost, end, segment)

    def conclude(self, complete: bool, usual_step: Fraction) -> None:
        """Reading has ended; ``complete``: at the end of the stream."""
        facts, decoder, hardware = self.facts, self._decoder, self._pictures.hardware
        facts.damaged_packets = decoder.damaged_packets.count
        facts.damaged_frames = decoder.damaged_frames.count
        facts.codec_reports_damage = hardware.reports_damage(self._codec in REPORTS_DAMAGE)
        facts.problems = [*self._lost_pictures(complete), *self._late_start(), *self._breaks.sentences()]
        if complete:
            facts.problems += self._shortfall(usual_step)
        if self._looks is not None and facts.searched_seconds:
            facts.problems += self._looks.sentences(facts.last_seconds)
        self.ranges.finish()
        facts.notes = self._notes()

    def _lost_pictures(self, complete: bool) -> list[str]:
        facts, decoder = self.facts, self._decoder
        failures = self._source.demux_failures
        told = []
        if complete and facts.frames == 0 and self._plan.resume is None and not facts.outside_seconds:
            silent = not facts.damaged_packets and not failures.count
            told.append(
                "the decoder gave no picture and reported no error"
                if silent
                else "no picture could be decoded"
            )
        told += decoder.damaged_packets.sentences("damaged packet", "damaged packets")
        told += decoder.damaged_frames.sentences(
            "picture reported as damaged", "pictures reported as damaged"
        )
        told += failures.sentences(
            "place that could not be read", "places that could not be read", self._source.zero
        )
        told += self._source.not_found.sentences(
            "place where the index lists pictures that are not there",
            "places where the index lists pictures that are not there",
            self._source.zero,
        )
        told += self.unseen.sentences(
            "picture that could not be converted", "pictures that could not be converted"
        )
        if self._source.unfinished:
            told.append("the rest of the file could not be read")
        told += decoder.silent_losses.sentences("packet gave no picture", "packets gave no picture")
        return told

    def _late_start(self) -> list[str]:
        if self._late is None:
            return []
        start, first = self._late
        return [f"no picture between {shown(start)} and {shown(first)}"]

    def _shortfall(self, usual_step: Fraction) -> list[str]:
        """What was declared and is not there, and what was lost behind the last frame."""
        declared, reached = self.facts.declared_seconds, self._reached
        start = self._source.own_start or Fraction(0)
        segment = max(0, self.facts.segments - 1)
        if reached is None:
            if self._plan.resume is None and declared is not None:
                kind: RangeKind = "unreadable" if self._source.packets_read else "missing"
                self.ranges.add(kind, start, start + declared, segment)
            return []
        seen = self._pass_lost_tail(reached, usual_step, segment)
        if declared is None or self._breaks.stepped_back:
            return []
        end, enough = start + declared, max(_SHORTFALL_SECONDS, 2 * usual_step)
        if end - reached <= enough:
            return []
        self.ranges.add("missing", seen, end, segment, "declared, and not in the file")
        return [f"decoded to {shown(reached - start)} of {shown(declared)} declared"]

    def _pass_lost_tail(self, reached: Fraction, usual_step: Fraction, segment: int) -> Fraction:
        """Packets behind the last frame that gave none; gives the time up to which there were packets."""
        behind = [one.seconds for one in self._decoder.lost_at_end if one.seconds >= reached]
        end = max(behind) + usual_step if behind else reached
        self.ranges.add("unreadable", reached, end, segment)
        return end

    def _notes(self) -> list[str]:
        return [*self._notes_on_time(), *self._notes_on_pictures()]

    def _notes_on_time(self) -> list[str]:
        given, rate = self._plan.frame_rate, 1 / self._source.step
        if self._source.timed:
            return [] if given is None else ["the frame rate given is not used: this stream has times"]
        if given is not None:
            return [f"times counted at {float(rate):g} frames/s, as given"]
        return [f"this stream has no times; they are counted at an assumed {float(rate):g} frames/s"]

    def _notes_on_pictures(self) -> list[str]:
        facts, told = self.facts, []
        if self._looks is not None and facts.samples:
            told.append(f"keyframes alone were looked at, at most {shown(self._looks.longest)} apart")
        aspect = self._plan.pixel_aspect
        if aspect is not None:
            told.append(f"pixel aspect {aspect.numerator}:{aspect.denominator}, as given")
        if self._pictures.deinterlaced:
            told.append("interlaced: deinterlaced with bwdif")
        if self._pictures.woven:
            told.append("interlaced: its pixel format cannot be deinterlaced, so it was searched as it is")
        told += self._pictures.hardware.notes()
        if facts.frames and not facts.codec_reports_damage:
            what = f"{self._codec} hardware" if self._pictures.hardware.frames else self._codec
            found = (
                facts.suspect_frames
                or facts.damaged_packets
                or facts.damaged_frames
                or self._decoder.silent_losses.count
            )
            told.append(
                f"the {what} {BLIND_DECODER}"
                if found
                else f"no decoder-reported damage; the {what} {BLIND_DECODER}"
            )
        if self.ranges.unlisted:
            told.append(f"{self.ranges.unlisted} more time ranges are in the sums and not listed")
        return told
