"""What results say of whom their pictures hide, and the reason that is demanded where they hide nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from retrofr.errors import UsageError

if TYPE_CHECKING:
    from retrofr.records import Still
    from retrofr.redaction.checking import HowChecked

LONGEST_REASON = 500

NOBODY_HIDDEN = "nobody is hidden: bystanders can be recognised in these pictures"


def reason_given(reason: str) -> str:
    """The reason for which nobody is hidden, as it is recorded.

    Raises:
        UsageError: it says nothing, or too much.
    """
    text = " ".join(reason.split())
    if not any(character.isalnum() for character in text) or len(text) > LONGEST_REASON:
        raise UsageError(
            f"expected a reason of 1 to {LONGEST_REASON} characters",
            subject="--unredacted",
            hint="pictures that show bystanders need one, and it is recorded: "
            '--unredacted "disclosure ordered by the court, 4 March"',
        )
    return text


def redaction_record(
    stills: Iterable[Still], how: HowChecked | None, unredacted: str | None, missing: int = 0
) -> dict[str, Any]:
    """What was done to the pictures of a result, as plain values.

    Args:
        stills: the pictures.
        how: they were checked; None where they were not.
        unredacted: the reason for which nobody is hidden; None where everybody is.
        missing: so many pictures were not made, as they could not be checked.
    """
    shown = list(stills)
    return {
        "unredacted": unredacted is not None,
        "reason": unredacted,
        "checked": None if how is None or unredacted is not None else how.describe(),
        "detector": None if how is None else how.detector,
        "detection_score": None if how is None else how.score,
        "smallest_face_pixels": None if how is None else how.smallest_face_pixels,
        "pictures": len(shown),
        "faces_hidden": None if unredacted is not None else sum(still.hidden or 0 for still in shown),
        "pictures_not_made": missing,
    }
