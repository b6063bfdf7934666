from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from retrofr.video.decoding.damage import DamageTrace
from retrofr.video.decoding.fate import PacketLedger

STEP = Fraction(1, 25)


def ledger_of(*, counts_silent: bool = True, in_time_order: bool = True) -> PacketLedger:
    return PacketLedger(counts_silent=counts_silent, in_time_order=in_time_order)


def run(
    ledger: PacketLedger,
    fed: list[int],
    shown: list[int],
    *,
    keys: tuple[int, ...] = (0,),
    reorders: bool = True,
    interlaced: bool = False,
    failed: tuple[int, ...] = (),
) -> list[tuple[int, bool]]:
    """Feed packets (number n shown in place ``fed[n]``), then take frames in the order ``shown`` of packets."""
    for number, place in enumerate(fed):
        ledger.feed(number, place * STEP)
    for number in failed:
        ledger.fail(number)
    lost = []
    for number in shown:
        lost += ledger.come_out(number, is_keyframe=number in keys, interlaced=interlaced, reorders=reorders)
    return [(one.number, one.silent) for one in lost + ledger.finish()]


def test_every_packet_that_gave_a_frame_is_accounted_for() -> None:
    assert run(ledger_of(), [0, 3, 1, 2, 6, 4, 5], [0, 2, 3, 1, 5, 6, 4]) == []


def test_a_lost_frame_between_reordered_ones_is_found() -> None:
    assert run(ledger_of(), [0, 3, 1, 2, 6, 4, 5], [0, 2, 1, 5, 6, 4]) == [(3, True)]


def test_a_failed_packet_is_lost_and_not_silently() -> None:
    assert run(ledger_of(), [0, 1, 2, 3], [0, 1, 3], reorders=False, failed=(2,)) == [(2, False)]


def test_a_codec_with_hidden_frames_has_no_silent_losses() -> None:
    ledger = ledger_of(counts_silent=False)
    assert run(ledger, [0, 1, 2, 3, 4], [0, 2, 4], reorders=False, failed=(3,)) == [(3, False)]


def test_what_comes_before_the_first_frame_is_no_loss() -> None:
    # Stored before it, and leading pictures, which are stored behind it and shown before it.
    assert run(ledger_of(), [0, 1, 6, 4, 5, 7, 8], [2, 5, 6], keys=(2,)) == []


def test_second_fields_in_packets_of_their_own_are_no_loss() -> None:
    halves = list(range(20))
    assert run(ledger_of(), halves, halves[::2], keys=(0, 10), reorders=False, interlaced=True) == []


def test_a_lost_frame_among_interlaced_ones_is_a_loss() -> None:
    shown = [n for n in range(40) if n != 20]
    assert run(ledger_of(), list(range(40)), shown, reorders=False, interlaced=True) == [(20, True)]


def test_losses_at_the_end_are_found() -> None:
    assert run(ledger_of(), [0, 1, 2, 3], [0, 1], reorders=False) == [(2, True), (3, True)]


def test_without_any_frame_nothing_is_lost_one_by_one() -> None:
    assert run(ledger_of(), [0, 1, 2, 3], []) == []


def test_memory_does_not_grow_while_no_frame_comes() -> None:
    ledger = ledger_of()
    ledger.feed(0, Fraction(0))
    ledger.come_out(0, is_keyframe=True, interlaced=False, reorders=False)
    lost = [one.number for n in range(1, 5000) for one in ledger.feed(n, n * STEP)]
    assert lost == list(range(1, 5000 - 1024))


@given(
    st.lists(st.sampled_from(["key", "frame"]), min_size=2, max_size=40),
    st.sets(st.integers(1, 39), max_size=6),
)
def test_a_frame_is_suspect_from_an_error_to_the_next_clean_keyframe(
    kinds: list[str], errors: set[int]
) -> None:
    trace, suspect = DamageTrace(), False
    for number, kind in enumerate(["key", *kinds]):
        if number in errors:
            trace.report(number)
            suspect = True
        elif kind == "key" or number == 0:
            suspect = False
        assert trace.show(number, kind == "key") == suspect


def test_a_keyframe_does_not_clean_what_is_shown_before_it() -> None:
    trace = DamageTrace()
    trace.report(5)
    # Packet 8 is a keyframe, 9 and 10 are stored behind it and shown before it.
    assert [trace.show(n, n == 8) for n in (7, 9, 10, 8, 11)] == [True, True, True, False, False]


def test_an_error_behind_a_keyframe_is_kept_when_it_is_shown() -> None:
    trace = DamageTrace()
    trace.report(9)
    assert [trace.show(n, n == 8) for n in (8, 10, 9)] == [False, True, True]


def test_thousands_of_errors_are_remembered_in_little_memory() -> None:
    trace = DamageTrace()
    for number in range(100_000):
        trace.report(number)
    assert trace.show(99_999, is_keyframe=False)
    assert len(trace._errors) < 1000
    trace.show(100_000, is_keyframe=True)
    assert not trace.show(100_001, is_keyframe=False)


LOG = r"""
import os
from retrofr.video.decoding.error_log import ErrorLog

assert ErrorLog.of_this_process() is None
log = ErrorLog.install()
assert ErrorLog.of_this_process() is log
assert not log.grew()
os.write(2, b"something is wrong")
assert log.grew() and not log.grew()
os.write(2, b"[h264 @ 0x55d0] SEI type 5 size 40 truncated at 8\n")
assert not log.grew()
os.write(2, b"[h264 @ 0x55d0] SEI type 5 size 40 truncated at 8\n[h264 @ 0x55d0] error while decoding MB 3 0\n")
assert log.grew()
for _ in range(100):
    os.write(2, b"x" * 65536)
    assert log.grew()
assert os.fstat(2).st_size < 2 << 20
print("done")
"""


def test_the_error_log_tells_of_new_messages_and_stays_small() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOG], capture_output=True, text=True, check=True, env=os.environ.copy()
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
