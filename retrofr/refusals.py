"""What retrofr does not do, whoever asks: each refusal is one sentence, with exit code 8.

It searches recordings and nothing live, it compares no case with another, and it infers no traits of people. These are
decisions, not gaps: what is not built cannot be switched on.
"""

from __future__ import annotations

from pathlib import Path

from retrofr.errors import RefusedError

RECORDED_ONLY = "retrofr searches recorded footage only: give it files or folders"
CASES_APART = "retrofr compares no case with another, so that cases do not grow into a database of everybody"

CASE_FILE = "case.db"

_LIVE = frozenset({"live", "rtsp", "stream-url", "url", "webcam"})
_TRAITS = frozenset(
    (
        *("age", "ages", "gender", "sex", "race", "ethnicity", "ethnic", "skin", "skin-colour", "skin-color"),
        *("emotion", "emotions", "mood", "expression", "religion", "health", "disability", "orientation"),
        *("nationality", "traits", "attributes", "demographics"),
    )
)


def refuse_case(path: Path) -> None:
    """Refuse a case where footage or pictures of people are expected.

    Raises:
        RefusedError: the path is a case, by its folder or its file.
    """
    if (path.name == CASE_FILE and path.is_file()) or (path / CASE_FILE).is_file():
        raise RefusedError(
            "is a case, and is neither footage nor a picture of a person", subject=str(path), hint=CASES_APART
        )


def refuse_option(name: str) -> None:
    """Refuse an option that does not exist for a reason: ``--gender``, ``--live``; others are left alone.

    Raises:
        RefusedError: it asks for what retrofr does not do.
    """
    asked = name.lstrip("-").partition("=")[0].lower().replace("_", "-")
    if asked in _TRAITS:
        raise RefusedError(
            "retrofr infers no traits of people",
            subject=name,
            hint="it finds faces, compares them with a probe, and leaves all else to the people who look",
        )
    if asked in _LIVE:
        raise RefusedError("retrofr searches nothing live", subject=name, hint=RECORDED_ONLY)
