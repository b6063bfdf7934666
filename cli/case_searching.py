"""``retrofr search --case``: what it takes beside the options of a search of footage, and how it is done."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from retrofr.errors import ExhibitError, UsageError
from retrofr.settings import Settings

from .case_options import SECTION, case_option, opened_case, wait_option
from .footage_options import FootageFlags, gather_notes, gather_request
from .options import STAGE_JOINT, Option, gather_settings

if TYPE_CHECKING:
    from retrofr.case.store import Case
    from retrofr.case_selection import CaseSelection
    from retrofr.indexing import IndexResult
    from retrofr.results import SearchResult

    from .reporters import Reporter

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OF_A_SEARCH = ("search", "embed", "device", "parts")
"""Settings that a search of a case may change; the others were settled when its footage was indexed."""

_OF_FOOTAGE = {
    "start": "--start",
    "clock_offset": "--clock-offset",
    "sidecar": "--sidecar",
    "sar": "--sar",
    "fps": "--fps",
    "hashes": "--hashes",
    "ocr": "--ocr",
}


@dataclass(frozen=True)
class CaseFlags:
    """The words behind the options of a search in a case."""

    path: Path | None = None
    wait_seconds: float = 0.0
    exhibits: tuple[str, ...] = ()
    min_quality: float = 0.0
    forget_others: bool = False

    def check(self) -> None:
        """Refuse options that only go with a case where none is named."""
        if self.path is None and self.exhibits:
            raise UsageError("goes with --case", subject="--exhibit", hint="name the footage itself instead")
        if self.path is None and self.forget_others:
            raise UsageError(
                "goes with --case",
                subject="--forget-others",
                hint="leave it out: a search without a case keeps nobody",
            )
        if self.path is None and self.min_quality:
            raise UsageError(
                "goes with --case",
                subject="--min-quality",
                hint="--min-eye-distance and --set quality.NAME=VALUE say which faces of footage are compared",
            )


def case_search_options(function: Decorated) -> Decorated:
    """The options; they arrive as one ``case_flags``."""

    @functools.wraps(function)
    def gathered(
        *args: Any,
        case_path: Path | None,
        wait_seconds: float,
        exhibits: tuple[str, ...],
        min_quality: float,
        forget_others: bool,
        **rest: Any,
    ) -> Any:
        flags = CaseFlags(case_path, wait_seconds, exhibits, min_quality, forget_others)
        flags.check()
        return function(*args, case_flags=flags, **rest)

    quality = click.option(
        "--min-quality",
        type=click.FloatRange(0, 1),
        default=0.0,
        metavar="0..1",
        cls=Option,
        section=SECTION,
        help="Leave out tracklets whose best face ranks lower.  [default 0]",
    )
    exhibit = click.option(
        "--exhibit",
        "exhibits",
        multiple=True,
        metavar="NAME",
        cls=Option,
        section=SECTION,
        help="Search only this exhibit: its name, a pattern, or the beginning of its SHA-256. Repeatable.",
    )
    forget = click.option(
        "--forget-others",
        is_flag=True,
        cls=Option,
        section=SECTION,
        help="After the search, remove from the case whoever is no candidate of any search recorded in it.",
    )
    return case_option(False)(exhibit(quality(forget(wait_option(gathered)))))  # type: ignore[return-value]


def case_settings(
    case: Case, file: Path | None, assignments: tuple[str, ...], flags: Mapping[str, Any], *, footage: bool
) -> Settings:
    """The settings of a search in a case, over those it was indexed with.

    Raises:
        UsageError: without footage, a setting that only decides how footage is indexed.
        SettingsError: as :func:`retrofr_cli.options.gather_settings`.
    """
    from retrofr.case.exhibits import active_recipe
    from retrofr.recipe import setting_values

    if not footage:
        _refuse_indexing_settings(file, assignments, flags)
    recipe = active_recipe(case)
    return gather_settings(file, assignments, flags, None if recipe is None else setting_values(recipe))


def _refuse_indexing_settings(
    file: Path | None, assignments: tuple[str, ...], flags: Mapping[str, Any]
) -> None:
    given = [text.partition("=")[0].strip() for text in assignments]
    given += [name.replace(STAGE_JOINT, ".") for name, value in flags.items() if value is not None]
    if file is not None:
        from retrofr.settings import read_settings

        given += read_settings(file)
    for name in given:
        if name.partition(".")[0] not in _OF_A_SEARCH:
            raise UsageError(
                "was settled when the footage was indexed, and cannot be changed by a search in the case",
                subject=name,
                hint="index the footage again with it: retrofr index FOOTAGE --case DIR --again",
            )


def search_in_case(
    flags: CaseFlags,
    footage: tuple[str, ...],
    probes: tuple[Any, ...],
    *,
    footage_flags: FootageFlags,
    settings_of: Callable[[Case], Settings],
    listener: Reporter,
    stop: Callable[[], bool],
    lenient: bool,
    keep_stills: bool,
    unredacted: str | None = None,
) -> SearchResult:
    """Search a case; where footage is named, what of it is new is indexed first, and only it is searched.

    Raises:
        UsageError: without footage, an option that says something about footage.
    """
    from retrofr.case_search import search_case

    assert flags.path is not None
    if not footage:
        _refuse_footage_options(footage_flags)
    elif flags.exhibits:
        raise UsageError(
            "goes without FOOTAGE", subject="--exhibit", hint="the footage says what is searched"
        )
    forget = flags.forget_others or _must_forget(flags.path)
    write = bool(footage) or forget
    with opened_case(flags.path, write=write, wait=flags.wait_seconds) as case:
        settings = settings_of(case)
        selection = _selection(flags, footage_flags, settings)
        interrupted = False
        if footage:
            indexed = _index_first(case, footage, footage_flags, settings, listener, stop)
            interrupted = indexed.coverage.interrupted
            digests = dict.fromkeys(stream.exhibit_sha256 for stream in indexed.coverage.streams)
            selection = dataclasses.replace(selection, exhibits=tuple(digests))
        result = search_case(
            case,
            probes,
            settings=settings,
            selection=selection,
            listener=listener,
            lenient=lenient,
            keep_stills=keep_stills,
            unredacted=unredacted,
        )
        if forget:
            why = "with --forget-others" if flags.forget_others else "others forgotten, as a policy demands"
            _forget_others(case, result, listener, why, interrupted=interrupted)
        coverage = dataclasses.replace(result.coverage, interrupted=interrupted)
        return dataclasses.replace(result, coverage=coverage)


def _must_forget(case_path: Path) -> bool:
    """Whether a policy demands that those who are no candidates are removed after every search."""
    from retrofr.oversight.policy import applying_policy

    return applying_policy(case_path if case_path.is_dir() else case_path.parent).forget_others


def _forget_others(
    case: Case, result: SearchResult, listener: Reporter, why: str, *, interrupted: bool
) -> None:
    from retrofr.case.forgetting import forget_others
    from retrofr.events import Warned

    if interrupted:
        listener(Warned("case", "nobody was forgotten, as indexing was interrupted before the search"))
        return
    reason = f"search {result.run['search']} {why}"
    listener(Warned("case", forget_others(case, reason=reason, listener=listener).describe()))


def _selection(flags: CaseFlags, footage_flags: FootageFlags, settings: Settings) -> CaseSelection:
    from retrofr.case_selection import CaseSelection

    _, selection = gather_notes(footage_flags, settings)
    return CaseSelection(selection, flags.exhibits, flags.min_quality)


def _index_first(
    case: Case,
    footage: tuple[str, ...],
    footage_flags: FootageFlags,
    settings: Settings,
    listener: Reporter,
    stop: Callable[[], bool],
) -> IndexResult:
    """Index footage into the case.

    Raises:
        ExhibitError: nothing of it is in the case then.
    """
    from retrofr.indexing import index

    request = gather_request(footage_flags, settings)
    result = index(footage, case, settings=settings, request=request, listener=listener, stop=stop)
    if not result.coverage.streams:
        raise ExhibitError("nothing of the footage that was named could be indexed, so nothing was searched")
    return result


def _refuse_footage_options(flags: FootageFlags) -> None:
    for name, option in _OF_FOOTAGE.items():
        if getattr(flags, name) not in (None, False):
            raise UsageError(
                "says something about footage, and a search in a case touches none",
                subject=option,
                hint="index the footage again with it; what is in the case is not done twice",
            )
