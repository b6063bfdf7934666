"""Disclosure bundles for a person: what came of checking one, and of running its search again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .text import counted, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrofr.disclosure.replaying import Replay
    from retrofr.disclosure.verifying import Verification

MOST_TOLD = 20


def print_document(document: Mapping[str, Any]) -> None:
    """A document as JSON on stdout."""
    from retrofr.documents import encoded, json_text

    from .output import writing_to_stdout

    with writing_to_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded(json_text(document, indent=2) + "\n"))


def print_verification(verification: Verification) -> None:
    """``retrofr verify``: a line for each thing that was checked, then what the check cannot tell."""
    lines = []
    for check in verification.checks:
        names = "" if check.holds else f"{', '.join(map(shown, check.altered[:MOST_TOLD]))} "
        more = len(check.altered) - MOST_TOLD
        rest = f" (and {more:,} more files)" if more > 0 else ""
        lines.append(
            f"{'ok' if check.holds else 'ALTERED':<8} {check.what}: {names}{shown(check.sentence)}{rest}"
        )
    lines += [f"note     {shown(note)}" for note in verification.notes]
    if verification.holds:
        lines.append(f"bundle   {verification.tag_manifest_sha256} (SHA-256 of tagmanifest-sha256.txt)")
    _print(lines)


def print_replay(replay: Replay) -> None:
    """``retrofr replay``: what was run on what, each difference, and what that means."""
    from retrofr.disclosure.differences import SCORE_TOLERANCE

    compared, recorded = replay.compared, replay.recorded
    done = len(recorded.exhibits) - len(replay.missing)
    before = "as before" if replay.tracklets == recorded.compared else f"{recorded.compared:,} before"
    lines = [
        f"search {recorded.search} of case {recorded.case_id}, run again on "
        f"{counted(done, 'recording')} of {len(recorded.exhibits):,} ({replay.device})",
        f"{counted(replay.tracklets, 'tracklet')} compared ({before})",
    ]
    lines += [f"missing: {shown(each.name)}: {shown(each.reason)}" for each in replay.missing]
    lines += [f"{each.kind}: {shown(each.sentence)}" for each in compared.differences]
    if compared.filled:
        lines.append(
            f"{counted(compared.filled, 'candidate')} below the threshold not compared with the bundle: "
            "the list has room where missing recordings stood"
        )
    same = f"{counted(compared.pairs, 'candidate')} at the same times"
    scores = f"scores differ by at most {compared.largest:.2g}" if compared.pairs else "no scores to compare"
    tolerance = f"tolerance: times exact, scores {SCORE_TOLERANCE:g}"
    ended = counted(len(compared.differences), "difference") if compared.differences else "no difference"
    ended += " in what is there" if replay.missing else ""
    lines.append(f"{ended}; {same}, {scores} ({tolerance})")
    _print(lines)


def _print(lines: Iterable[str]) -> None:
    from .output import writing_to_stdout

    with writing_to_stdout():
        sys.stdout.writelines(f"{line}\n" for line in lines)
