"""Pictures of the faces of a case, written for people: whoever else is in them is hidden."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from retrofr.case.exhibits import active_recipe
from retrofr.case.reading import face_picture
from retrofr.case.store import Case
from retrofr.errors import ModelError, OutputError
from retrofr.recipe import setting_values
from retrofr.redaction.checking import PictureCheck, picture_check
from retrofr.results import Appearance
from retrofr.runtime import resolve_device
from retrofr.settings import Settings
from retrofr.stills import kept_face


def write_stills(
    case: Case, appearances: Iterable[Appearance], folder: Path, *, named: Path, check: PictureCheck | None
) -> tuple[Appearance, ...]:
    """Write the picture of each appearance's best face, as JPEG; gives the appearances with its path as ``still``.

    Args:
        case: that they are of.
        appearances: of a timeline. One whose picture the case does not keep stays without.
        folder: where to; made where it is missing, and empty.
        named: the folder as records are to call it.
        check: looks for whom to hide beside the face; None hides nobody that is not hidden in the case already, for
            which somebody must have given a reason.

    Raises:
        OutputError: the folder is not empty, or cannot be written to; nothing new is left in it.
        ModelError: a picture could not be checked; nothing new is left in it.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(
                "is not empty, and nothing is overwritten",
                subject=str(folder),
                hint="name another folder for the stills",
            )
        return tuple(_with_still(case, a, folder, named, written, check) for a in appearances)
    except (OSError, ModelError) as error:
        for path in written:
            path.unlink(missing_ok=True)
        if isinstance(error, ModelError):
            raise
        raise OutputError(f"cannot be written to ({error.strerror})", subject=str(folder)) from error


def base_name(appearance: Appearance) -> str:
    """What pictures and clips of an appearance are called, without an ending; no other of its timeline is called so."""
    if appearance.compared:
        kind = "hit" if appearance.hit else "candidate"
        return f"search-{appearance.search}-{kind}-{appearance.rank:04}"
    # A tracklet is the best one of no other appearance.
    return f"person-{appearance.person}-tracklet-{appearance.tracklet}"


def case_check(case: Case) -> PictureCheck:
    """What looks through the pictures of a case before they are shown: the detector that the case was indexed with.

    Raises:
        UsageError, ModelError, SettingsError: that detector is not on this machine.
    """
    recipe = active_recipe(case)
    settings = Settings() if recipe is None else Settings.from_mapping(setting_values(recipe))
    return picture_check(settings, lambda: resolve_device(settings.device))


def shown_picture(case: Case, tracklet: int, face: int, check: PictureCheck | None) -> bytes | None:
    """The picture of a face of a case, JPEG, as it may be shown; None where the case keeps none that can be decoded.

    Args:
        case: that the face is of.
        tracklet, face: its tracklet, and its place among the best of it.
        check: looks for whom to hide beside the face, as :func:`case_check` gives it; None hides nobody.

    Raises:
        ModelError: the detector cannot be used; nothing may be shown then.
    """
    picture = face_picture(case, tracklet, face)
    if picture is None:
        return None
    try:
        return kept_face(picture, check)[0]
    except ValueError:  # no picture: what cannot be looked at cannot be checked
        return None


def _with_still(
    case: Case,
    appearance: Appearance,
    folder: Path,
    named: Path,
    written: list[Path],
    check: PictureCheck | None,
) -> Appearance:
    if appearance.tracklet is None or appearance.best_face is None:
        return appearance
    picture = shown_picture(case, appearance.tracklet, appearance.best_face, check)
    if picture is None:
        return appearance
    name = f"{base_name(appearance)}.jpg"
    written.append(folder / name)
    with (folder / name).open("xb") as file:
        file.write(picture)
    return replace(appearance, still=(named / name).as_posix())
