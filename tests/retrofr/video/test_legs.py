"""Bookkeeping over several decoder processes, the messages it rests on, and files without end; no process needed."""

from __future__ import annotations

import copy
import dataclasses
import socket
import threading
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrofr.processes.wire import Channel, ClosedError, Delta, DeltaMaker, SilentError
from retrofr.records import FrameRef, RangeKind, Sample, TimeRange
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.isolation.endless import EndGuard, EndlessError
from retrofr.video.isolation.legs import Legs, joined
from retrofr.video.isolation.messages import Account
from retrofr.video.plan import Resume


def stretch(kind: RangeKind, start: float, end: float, segment: int = 0, reason: str = "") -> TimeRange:
    return TimeRange(kind, Fraction(start), Fraction(end), segment, reason)


def delta_of(facts: CoverageFacts) -> Delta:
    return DeltaMaker().changes(facts)


def seen(start: float, end: float, segment: int = 0) -> CoverageFacts:
    """Facts of one stretch that was searched, ten frames a second."""
    length = Fraction(end) - Fraction(start)
    return CoverageFacts(
        frames=int(length * 10),
        searched_seconds=length,
        first_seconds=Fraction(start),
        last_seconds=Fraction(end),
        segments=segment + 1,
        ranges=[stretch("searched", start, end, segment)],
    )


def sample(packet: int, shot: int) -> Sample:
    at = Fraction(packet, 10)
    frame = FrameRef(0, 0, packet, packet, Fraction(1, 10), at, at + Fraction(1, 10), "pts", packet)
    return Sample(frame, np.zeros((2, 2, 3), np.uint8), shot)


def test_every_fact_can_be_joined() -> None:
    facts = CoverageFacts(
        **{
            spec.name: (["x"] if spec.name in ("problems", "notes") else 3)
            for spec in dataclasses.fields(CoverageFacts)
            if spec.name not in ("ranges", "codec_reports_damage")
        }  # type: ignore[arg-type]
    )
    both = joined(facts, facts)
    once = {"first_seconds", "last_seconds", "declared_seconds", "segments"}
    for spec in dataclasses.fields(CoverageFacts):
        value = getattr(both, spec.name)
        if isinstance(value, int) and not isinstance(value, bool):
            assert value == (3 if spec.name in once else 6), spec.name
    assert both.problems == both.notes == ["x"]


def test_a_fact_that_nobody_knows_how_to_join_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass
    class More(CoverageFacts):
        new_seconds: Fraction = Fraction(0)

    original = dataclasses.fields
    monkeypatch.setattr(dataclasses, "fields", lambda kind: original(More if kind is CoverageFacts else kind))
    with pytest.raises(TypeError, match="new_seconds"):
        joined(More(), More())


def test_ranges_that_go_on_become_one() -> None:
    both = joined(seen(0, 4), seen(4, 6))
    assert both.ranges == [stretch("searched", 0, 6)]
    assert both.frames == 60
    assert both.first_seconds == 0
    assert both.last_seconds == 6


@pytest.mark.parametrize("after", [seen(4, 6, segment=1), seen(5, 6)])
def test_ranges_that_do_not_go_on_stay_apart(after: CoverageFacts) -> None:
    assert len(joined(seen(0, 4), after).ranges) == 2


def test_what_was_outside_is_not_counted_twice() -> None:
    before = seen(0, 2)
    before.ranges.append(stretch("outside", 2, 7))
    before.outside_seconds = Fraction(5)
    after = CoverageFacts(outside_seconds=Fraction(6), ranges=[stretch("outside", 2, 8)])
    both = joined(before, after)
    assert both.ranges == [stretch("searched", 0, 2), stretch("outside", 2, 8)]
    assert both.outside_seconds == 6


def test_damage_of_a_leg_that_died_is_told() -> None:
    legs = Legs(None)
    facts = seen(0, 2)
    facts.damaged_packets, facts.damaged_frames = 3, 1
    legs.take(Account(delta_of(facts), Resume(0, 19, 20, 0)))
    assert legs.died("the decoder crashed (SIGSEGV)") == Resume(0, 19, 20, 0)
    legs.ended(delta_of(seen(2, 4)))
    legs.conclude(Fraction(4))
    assert legs.facts.problems == ["3 damaged packets before 2.000 s", "1 damaged picture before 2.000 s"]
    assert legs.facts.damaged_packets == 3


def test_a_loss_before_time_steps_back_has_no_length_and_is_told() -> None:
    legs = Legs(None)
    legs.take(Account(delta_of(seen(100, 102)), Resume(0, 19, 20, 0)))
    legs.died("the decoder crashed (SIGSEGV)")
    assert legs.died("the decoder crashed (SIGBUS)") == Resume(1, None, 20, 1)
    legs.take(Account(delta_of(seen(0, 2, segment=1)), Resume(1, 49, 40, 1)))
    legs.ended(Delta({}, {}))
    legs.conclude(None)
    assert legs.facts.ranges == [
        stretch("searched", 100, 102),
        stretch("lost", 102, 102, reason="the decoder crashed (SIGBUS)"),
        stretch("searched", 0, 2, segment=1),
    ]
    assert legs.facts.problems == [
        "lost after 102.000 s, for a time that is not known: the decoder crashed (SIGBUS)"
    ]


def test_a_loss_without_a_declared_end_reaches_to_the_end() -> None:
    legs = Legs(None)
    legs.take(Account(delta_of(seen(0, 2)), Resume(0, 19, 20, 0)))
    legs.died("the decoder crashed (SIGSEGV)")
    legs.give_up("does not exist any more")
    legs.conclude(None)
    assert legs.facts.problems == ["everything after 2.000 s is lost: does not exist any more"]


def test_facts_are_one_object_throughout() -> None:
    legs = Legs(None)
    held = legs.facts
    legs.take(Account(delta_of(seen(0, 2)), Resume(0, 19, 20, 0)))
    legs.died("x")
    legs.ended(delta_of(seen(2, 4)))
    legs.conclude(None)
    assert held is legs.facts
    assert held.searched_seconds == 4


def at(packet: int, slice_number: int) -> Account:
    return Account(delta_of(seen(0, (packet + 1) / 10)), Resume(slice_number, packet, packet + 1, 0))


def test_shots_go_on_over_legs() -> None:
    """Cuts at packets 5, 20 (a slice's first) and 27; the decoder dies behind 30, having begun its slice at 20."""
    legs = Legs(None)
    legs.fed(0, 0)
    shots = [
        legs.look(sample(packet, shot), at(packet, 0)).shot for packet, shot in ((0, 0), (5, 1), (10, 1))
    ]
    legs.fed(1, 20)
    shots += [
        legs.look(sample(packet, shot), at(packet, 1)).shot for packet, shot in ((20, 2), (27, 3), (30, 3))
    ]
    assert shots == [0, 1, 1, 2, 3, 3]
    legs.died("x")
    # The next leg counts from packet 20 on, and meets the cut at 27 again.
    assert legs.look(sample(35, 1), at(35, 1)).shot == 3
    assert legs.look(sample(38, 2), at(38, 1)).shot == 4


def test_what_follows_a_loss_is_another_shot() -> None:
    legs = Legs(None)
    legs.fed(0, 0)
    assert legs.look(sample(0, 0), at(0, 0)).shot == 0
    legs.died("x")
    legs.died("x")
    assert legs.look(sample(20, 0), at(20, 1)).shot == 1


# ---- messages ------------------------------------------------------------------------------------------------

numbers = st.integers(0, 5)
facts_strategy = st.builds(
    CoverageFacts,
    frames=numbers,
    searched_seconds=st.fractions(0, 9),
    first_seconds=st.none() | st.fractions(0, 9),
    ranges=st.lists(st.builds(stretch, st.sampled_from(["searched", "gap"]), numbers, numbers), max_size=6),
    problems=st.lists(st.sampled_from("abc"), max_size=3),
)


@given(st.lists(facts_strategy, max_size=8))
def test_deltas_rebuild_every_state(states: list[CoverageFacts]) -> None:
    maker, there = DeltaMaker(), CoverageFacts()
    for state in states:
        maker.changes(copy.deepcopy(state)).apply(there)
        assert there == state


def test_a_delta_holds_no_more_than_what_changed() -> None:
    maker, facts = DeltaMaker(), seen(0, 1)
    facts.ranges = [stretch("searched", n, n + 1, n) for n in range(100)]
    maker.changes(facts)
    facts.ranges[-1] = stretch("searched", 99, 101, 99)
    facts.frames += 1
    delta = maker.changes(facts)
    assert delta.values == {"frames": facts.frames}
    assert delta.tails == {"ranges": (99, facts.ranges[99:])}


def test_messages_and_arrays_cross_in_order() -> None:
    ours, theirs = map(Channel, socket.socketpair())
    pictures = [np.full((50, 60, 3), n, np.uint8) for n in range(20)]

    def send_all() -> None:
        for number, picture in enumerate(pictures):
            theirs.send((number, picture))

    sender = threading.Thread(target=send_all)
    sender.start()
    for number, picture in enumerate(pictures):
        got_number, got_picture = ours.receive(5)
        assert got_number == number
        assert np.array_equal(got_picture, picture)
        assert got_picture.flags.writeable
    sender.join()
    assert ours.between_messages
    theirs.close()
    with pytest.raises(ClosedError):
        ours.receive(5)


def test_silence_is_counted_from_the_last_byte() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    began = time.monotonic()
    with pytest.raises(SilentError):
        channel.receive(0.3)
    assert 0.25 < time.monotonic() - began < 3
    assert not channel.between_messages
    theirs.close()


def test_nobody_to_send_to() -> None:
    ours, theirs = map(Channel, socket.socketpair())
    theirs.close()
    with pytest.raises(ClosedError):
        ours.send("anybody there?")


# ---- files without end ---------------------------------------------------------------------------------------


def test_a_file_may_give_a_little_more_than_it_holds() -> None:
    guard = EndGuard(1 << 20, "cam1.mp4")
    for _ in range((8 << 10) + (16 << 10)):  # packets of a kilobyte
        guard.took(1 << 10)
    with pytest.raises(EndlessError) as raised:
        guard.took(1)
    assert str(raised.value) == (
        "cam1.mp4: the file does not come to an end: more was read from it than it can hold"
    )


def test_packets_without_content_add_up_as_well() -> None:
    guard = EndGuard(0, "cam1.mp4")
    guard.took((16 << 20) - 2)
    guard.took(0)
    guard.took(0)
    with pytest.raises(EndlessError):
        guard.took(0)
