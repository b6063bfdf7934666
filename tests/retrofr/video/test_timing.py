from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.video.decoding.timing import Break, SegmentClock, Timeline

STEP = Fraction(1, 25)


def run(
    timeline: Timeline[int], stamps: list[tuple[int | None, int | None]]
) -> list[tuple[int, Fraction, str]]:
    placed = [
        p for n, (pts, dts) in enumerate(stamps) for p in timeline.place(n, pts, dts)
    ] + timeline.flush()
    return [(p.item, p.seconds, p.source) for p in placed]


def test_a_presentation_time_is_exact() -> None:
    timeline: Timeline[int] = Timeline(Fraction(1, 90_000), STEP)
    assert run(timeline, [(1, 1), (3004, 3004)]) == [
        (0, Fraction(1, 90_000), "pts"),
        (1, Fraction(3004, 90_000), "pts"),
    ]


def test_a_decoding_time_stands_in_only_where_frames_are_not_reordered() -> None:
    stamps: list[tuple[int | None, int | None]] = [(0, 0), (None, 1), (2, 2)]
    plain: Timeline[int] = Timeline(STEP, STEP)
    assert [source for _, _, source in run(plain, stamps)] == ["pts", "dts", "pts"]
    reordering: Timeline[int] = Timeline(STEP, STEP, reorders=True)
    assert [source for _, _, source in run(reordering, stamps)] == ["pts", "interpolated", "pts"]


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_missing_times_of_a_steady_stream_are_found_again(known: list[bool]) -> None:
    timeline: Timeline[int] = Timeline(Fraction(1, 1000), STEP)
    stamps: list[tuple[int | None, int | None]] = [(40 * n if k else None, None) for n, k in enumerate(known)]
    placed = run(timeline, stamps)
    assert [item for item, _, _ in placed] == list(range(len(known)))
    if any(known):
        assert [seconds for _, seconds, _ in placed] == [n * STEP for n in range(len(known))]
    sources = [source for _, _, source in placed]
    assert sources == ["pts" if k else "interpolated" for k in known]


def test_frames_between_known_times_are_spread_evenly() -> None:
    timeline: Timeline[int] = Timeline(Fraction(1, 1000), STEP)
    assert [s for _, s, _ in run(timeline, [(0, None), (None, None), (None, None), (300, None)])] == [
        0,
        Fraction(1, 10),
        Fraction(2, 10),
        Fraction(3, 10),
    ]


def test_a_lost_packet_leaves_its_place_free() -> None:
    timeline: Timeline[str] = Timeline(Fraction(1, 1000), STEP)
    placed = timeline.place("a", 0, 0, packet=10)
    # Packets 11 and 12 have no time, and 12 made no frame.
    placed += timeline.place("b", None, None, packet=11)
    placed += timeline.place("d", None, None, packet=13)
    placed += timeline.place("e", 160, 160, packet=14)
    assert [(p.item, p.seconds) for p in placed] == [("a", 0), ("b", STEP), ("d", 3 * STEP), ("e", 4 * STEP)]


def test_frames_stored_in_another_order_are_spread_evenly() -> None:
    timeline: Timeline[str] = Timeline(Fraction(1, 1000), STEP)
    placed = timeline.place("I", 0, 0, packet=0)
    placed += timeline.place("B", None, None, packet=3)
    placed += timeline.place("B", None, None, packet=2)
    placed += timeline.place("P", 120, 120, packet=5)
    assert [p.seconds for p in placed] == [0, STEP, 2 * STEP, 3 * STEP]


def test_frames_before_the_first_known_time_are_counted_back_from_it() -> None:
    timeline: Timeline[str] = Timeline(Fraction(1, 1000), STEP)
    placed = timeline.place("a", None, None, packet=0)
    placed += timeline.place("c", None, None, packet=2)
    placed += timeline.place("d", 1000, 1000, packet=3)
    assert [p.seconds for p in placed] == [1 - 3 * STEP, 1 - STEP, 1]


def test_without_any_time_a_frame_has_its_place_among_all() -> None:
    timeline: Timeline[int] = Timeline(STEP, STEP, has_times=False)
    placed = [p for slot in (3, 4, 9) for p in timeline.place(slot, None, None, slot=slot)]
    assert [(p.seconds, p.source) for p in placed] == [(n * STEP, "assumed rate") for n in (3, 4, 9)]


def test_what_was_left_out_is_what_waiting_frames_follow() -> None:
    timeline: Timeline[str] = Timeline(Fraction(1, 1000), STEP)
    timeline.place("a", 0, 0, packet=0)
    timeline.pass_to(Fraction(10))
    assert timeline.place("b", None, None, packet=300) == []
    assert [p.seconds for p in timeline.place("c", 10_080, None, packet=301)] == [10 + STEP, 10 + 2 * STEP]


def test_frames_are_not_spread_over_a_break() -> None:
    timeline: Timeline[int] = Timeline(Fraction(1), STEP)
    assert [s for _, s, _ in run(timeline, [(0, None), (None, None), (3600, None)])] == [0, STEP, 3600]


def test_few_frames_wait_for_a_time() -> None:
    timeline: Timeline[int] = Timeline(STEP, STEP, max_waiting=4)
    timeline.place(0, 0, 0)
    waiting = [timeline.place(n, None, None) for n in range(1, 6)]
    assert [len(placed) for placed in waiting] == [0, 0, 0, 0, 5]


def test_without_any_time_frames_are_counted() -> None:
    timeline: Timeline[int] = Timeline(STEP, STEP, has_times=False)
    assert run(timeline, [(None, None)] * 3) == [(n, n * STEP, "assumed rate") for n in range(3)]


def test_times_in_order_of_storage_are_shifted_by_the_reordering_delay() -> None:
    timeline: Timeline[int] = Timeline(STEP, STEP, reorder_shift=2 * STEP)
    # I0 P3 B1 B2: frames come out one by one from the third packet on, and two at the end without a packet.
    placed = [p for n, at in enumerate([2, 3, None, None]) for p in timeline.place(n, 9 - n, None, at)]
    placed += timeline.flush()
    assert [(p.seconds, p.source) for p in placed] == [
        (0, "dts"),
        (STEP, "dts"),
        (2 * STEP, "interpolated"),
        (3 * STEP, "interpolated"),
    ]


def breaks(clock: SegmentClock, times: list[Fraction], damaged: bool = False) -> list[Break]:
    return [found for t in times if (found := clock.enter(t, damaged)) is not None]


def test_steady_and_variable_rates_have_no_break() -> None:
    assert not breaks(SegmentClock(STEP), [n * STEP for n in range(100)])
    variable = [Fraction(sum([40, 40, 80, 200, 1000, 33][: n % 6]) + n // 6 * 1393, 1000) for n in range(100)]
    assert not breaks(SegmentClock(STEP), variable)


def test_a_slow_recording_has_no_break() -> None:
    assert not breaks(SegmentClock(Fraction(10)), [Fraction(10 * n) for n in range(50)])


def test_a_long_gap_is_a_break_and_a_short_one_is_not() -> None:
    steady = [n * STEP for n in range(50)]
    assert not breaks(SegmentClock(STEP), [*steady, steady[-1] + 5])
    late = steady[-1] + 6
    assert breaks(SegmentClock(STEP), [*steady, late]) == [Break("gap", steady[-1], late)]


def test_after_damage_a_shorter_gap_is_a_break() -> None:
    clock = SegmentClock(STEP)
    breaks(clock, [n * STEP for n in range(50)])
    assert clock.enter(50 * STEP, damaged=True) is None
    assert clock.enter(50 * STEP + 1, damaged=True) == Break("gap", 50 * STEP, 50 * STEP + 1)


def test_a_step_back_is_a_break_and_a_repeated_time_is_not() -> None:
    assert breaks(SegmentClock(STEP), [Fraction(1), Fraction(1), Fraction(0), STEP]) == [
        Break("back", Fraction(1), Fraction(0))
    ]


def test_a_constant_rate_is_told_from_a_variable_one() -> None:
    clock = SegmentClock(STEP)
    assert not clock.is_steady()  # nothing seen
    breaks(clock, [Fraction(n * 40 + n % 2, 1000) for n in range(20)])
    assert clock.is_steady()
    breaks(clock, [Fraction(n * 40 + n % 2 * 20, 1000) for n in range(20, 40)])
    assert not clock.is_steady()


def test_gaps_do_not_hide_each_other() -> None:
    times = [Fraction(100 * n) + k * STEP for n in range(10) for k in range(20)]
    assert len(breaks(SegmentClock(STEP), times)) == 9


def test_a_declared_duration_is_believed_within_bounds() -> None:
    clock = SegmentClock(STEP)
    breaks(clock, [n * Fraction(1, 10) for n in range(20)])
    assert clock.shown_for(Fraction(1, 5)) == Fraction(1, 5)
    assert clock.shown_for(Fraction(1, 1000)) == Fraction(1, 10)
    assert clock.shown_for(Fraction(600)) == Fraction(1, 10)
