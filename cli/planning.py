"""``--plan``: what a run would read, how long it would take here, and what it would keep."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from retrofr.errors import UsageError

from .case_options import opened_case
from .footage_options import FootageFlags, gather_request
from .interrupts import STOPPING_AS_JSON, interruptible
from .options import Option, gather_settings
from .reporters import Reporter
from .text import counted, enumerated, human_bytes, shown

if TYPE_CHECKING:
    from rich.console import Console

    from retrofr.case.store import Case
    from retrofr.planning import Estimate, RunPlan
    from retrofr.settings import Settings

    from .coverage import Row

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
PLAN_SCHEMA = "retrofr.plan/1"
MOST_NAMES = 3
SECTION = "On the way"


def plan_option(function: Decorated) -> Decorated:
    """``--plan`` of commands that go through footage."""
    return click.option(
        "--plan",
        is_flag=True,
        cls=Option,
        section=SECTION,
        help="Do nothing but say what would be read, how long it would take here, and what it would keep. Measures "
        "some seconds of footage.",
    )(function)


def planned(
    footage: tuple[str, ...],
    footage_flags: FootageFlags,
    case_path: Path | None,
    given: tuple[Path | None, tuple[str, ...], dict[str, Any]],
    format_name: str | None,
    listener: Reporter,
) -> int:
    """Make a plan of a run and print it; gives the exit code.

    Args:
        case_path: that the footage would be indexed into; None for a search without a case.
        given: what was said of settings: a file, assignments, flags.

    Raises:
        UsageError: no footage, or a format of records.
    """
    from retrofr.planning import plan_run

    if not footage:
        raise UsageError("goes with FOOTAGE", subject="--plan", hint="a search of a case takes seconds")
    as_what = _format(format_name)
    with contextlib.ExitStack() as opened, interruptible(STOPPING_AS_JSON) as stop:
        case = None
        if case_path is not None and case_path.is_dir() and any(case_path.iterdir()):
            case = opened.enter_context(opened_case(case_path))
        settings = _settings(case, given)
        opened.enter_context(listener)
        plan = plan_run(
            footage,
            settings=settings,
            request=gather_request(footage_flags, settings),
            case=case,
            one_at_a_time=case_path is None,
            listener=listener,
            stop=stop,
        )
    _print(plan, as_what, case_path)
    return plan.exit_code


def _settings(case: Case | None, given: tuple[Path | None, tuple[str, ...], dict[str, Any]]) -> Settings:
    if case is None:
        return gather_settings(*given)
    from retrofr.case.exhibits import active_recipe
    from retrofr.recipe import setting_values

    recipe = active_recipe(case)
    return gather_settings(*given, None if recipe is None else setting_values(recipe))


def _format(format_name: str | None) -> str:
    """What a plan is printed as: a table, or one document where a script reads."""
    if format_name in ("csv", "jsonl"):
        raise UsageError(
            "a plan has no records", subject=f"--format {format_name}", hint="take table or json"
        )
    return format_name or ("table" if sys.stdout.isatty() else "json")


def _print(plan: RunPlan, as_what: str, keeps: Path | None) -> None:
    from .output import table_output, writing_to_stdout

    with writing_to_stdout():
        if as_what == "json":
            from retrofr.documents import encoded, json_text

            sys.stdout.flush()
            sys.stdout.buffer.write(encoded(json_text(plan_document(plan, keeps), indent=2) + "\n"))
            return
        with table_output(sys.stdout) as console:
            _print_table(console, plan, keeps)


def plan_document(plan: RunPlan, keeps: Path | None) -> dict[str, object]:
    """A plan as plain values; sizes in bytes, times in seconds."""
    estimate = plan.estimate()
    return {
        "schema": PLAN_SCHEMA,
        "exhibits": [
            {
                "name": each.name,
                "size_bytes": each.size_bytes,
                "in_case": each.kept,
                "streams": [
                    {
                        "stream": s.stream.index,
                        "codec": s.stream.codec,
                        "width": s.stream.width,
                        "height": s.stream.height,
                        "declared_seconds": s.stream.declared_seconds,
                        "asked_seconds": s.asked_seconds,
                    }
                    for s in each.streams
                ],
            }
            for each in plan.exhibits
        ],
        "left_out": [{"subject": each.subject, "reason": each.reason} for each in plan.left_out],
        "unsearched": [
            {"subject": each.subject, "reason": each.reason, "hint": each.hint} for each in plan.unsearched
        ],
        "ignored": list(plan.ignored),
        "asked_seconds": plan.asked_seconds,
        "size_bytes": plan.size_bytes,
        "samples": plan.samples,
        "rate": plan.rate,
        "unknown_lengths": plan.unknown,
        "estimate": None if estimate is None else _estimate(plan, estimate, keeps),
    }


def _estimate(plan: RunPlan, estimate: Estimate, keeps: Path | None) -> dict[str, object]:
    from retrofr.planning import free_bytes

    low, high = estimate.range_seconds
    assert plan.measured is not None
    return {
        "seconds": estimate.seconds,
        "from_seconds": low,
        "to_seconds": high,
        "startup_seconds": estimate.startup_seconds,
        "digest_seconds": estimate.digest_seconds,
        "footage_seconds": estimate.footage_seconds,
        "case_bytes": None if keeps is None else estimate.case_bytes,
        "free_bytes": None if keeps is None else free_bytes(keeps),
        "measured": [each.name for each in plan.measured.recordings],
        "measured_seconds": plan.measured.media_seconds,
        "device": plan.measured.device,
    }


def _print_table(console: Console, plan: RunPlan, keeps: Path | None) -> None:
    from .render import print_rows

    console.print("A plan: nothing was searched, and nothing was written.\n")
    print_rows(console, list(_rows(plan, keeps)))


def _rows(plan: RunPlan, keeps: Path | None) -> Iterator[Row]:
    from retrofr.clock import format_seconds

    from .coverage import Row

    kept = len(plan.exhibits) - len(plan.to_do)
    read = f"{counted(len(plan.to_do), 'exhibit')}, {human_bytes(plan.size_bytes)}"
    yield Row("would read", f"{read}, each byte three times: two digests, and decoding")
    if kept:
        yield Row("in the case", f"{counted(kept, 'exhibit')}, by name and size: not indexed again")
    unknown = f"; {counted(plan.unknown, 'stream')} of unknown length not counted" if plan.unknown else ""
    samples = "keyframes alone" if plan.samples is None else f"at most {counted(plan.samples, 'sample')}"
    yield Row("would search", f"{format_seconds(plan.asked_seconds)} of footage, {samples}{unknown}")
    for label, items in (("left out", plan.left_out), ("cannot read", plan.unsearched)):
        for item in items:
            yield Row(label, f"{shown(item.subject)}: {shown(item.reason)}")
    if plan.ignored:
        names = enumerated(map(shown, plan.ignored), MOST_NAMES)
        yield Row("ignored", f"{counted(len(plan.ignored), 'file')}: {names}")
    yield from _cost(plan, keeps)
    yield Row("authority", "authority, policy and probes are checked by the run itself")


def _cost(plan: RunPlan, keeps: Path | None) -> Iterator[Row]:
    from retrofr.planning import free_bytes

    from .coverage import Row
    from .speed_view import took

    estimate = plan.estimate()
    if estimate is None or plan.measured is None:
        unknown = "unknown: nothing could be measured"
        yield Row("would take", unknown if plan.to_do else "no time: all of it is in the case")
        return
    low, high = (took(seconds) for seconds in estimate.range_seconds)
    parts = f"{took(estimate.footage_seconds)} footage, {took(estimate.digest_seconds)} digests"
    yield Row("would take", f"about {took(estimate.seconds)}, {low} to {high} ({parts})")
    names = enumerated((shown(each.name) for each in plan.measured.recordings), MOST_NAMES)
    media = float(plan.measured.media_seconds)
    yield Row("measured", f"on the first {media:.0f} s of {names}, with {plan.measured.device}")
    if keeps is None:
        yield Row("would keep", "nothing of the footage; with --out the pictures of hits, some 0.2 MB each")
        return
    free = free_bytes(keeps)
    enough = "" if free > 2 * estimate.case_bytes else ": THAT MAY NOT BE ENOUGH"
    size = human_bytes(estimate.case_bytes)
    yield Row("would keep", f"about {size} more in the case; {human_bytes(free)} are free there{enough}")
