"""The pictures that an examiner looks at: faces of a candidate and of its probe, beside each other, with no score."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from retrofr.case.audit import acting
from retrofr.case.searches import SearchRecord
from retrofr.case.store import Case
from retrofr.case.verdict_blindness import view_details
from retrofr.case_stills import case_check, shown_picture
from retrofr.contact_sheet import SheetFace, contact_sheet
from retrofr.errors import OutputError, ProbeError
from retrofr.probe_files import ProbePicture, ProbeSpec, read_probe_picture
from retrofr.redaction.checking import PictureCheck
from retrofr.redaction.painting import with_hidden

from .text import enumerated, shown
from .verdict_view import Listed, Listing

MARGIN = 0.4
"""Around a probe's face, as a share of its box: what the pictures of a candidate have too."""
OF_CANDIDATE = "candidate-*.jpg"
SIDE_BY_SIDE = "side-by-side.png"
MOST_FACES = 16
MOST_NAMES = 6

Pictures = list[tuple[str, bytes]]


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds something (OutputError)."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            "is not a new or empty folder, and nothing is overwritten",
            subject=str(folder),
            hint="name another one with --out",
        )


def picture_lines(
    case: Case, told: Listing, item: Listed, out: Path, warn: Callable[[Any], None]
) -> list[str]:
    """Write all pictures, with an entry in the audit log; gives lines that say where they lie.

    Raises:
        OutputError: the folder holds something, or cannot be written to.
    """
    return [*candidate_lines(case, item, out, warn), *probe_lines(case, told, item, out, warn)]


def candidate_lines(case: Case, item: Listed, out: Path, warn: Callable[[Any], None]) -> list[str]:
    """Those of the candidate alone, with the entry: that they are looked at is written down."""
    check_folder(out)
    details = view_details(item.candidate) | {"pictures": True}
    with acting(case, "view", details=details, listener=warn):
        paths = _write(out, _of_candidate(case, item))
    if not paths:
        return ["the case keeps no picture of this candidate: look at the footage"]
    return [f"candidate: {_named(paths)}"]


def probe_lines(case: Case, told: Listing, item: Listed, out: Path, warn: Callable[[Any], None]) -> list[str]:
    """Those of the probe, and one of all side by side, with an entry; and which of the probe are not there any more.

    The candidate's are those that :func:`candidate_lines` wrote.
    """
    details = view_details(item.candidate) | {"pictures": True, "probe": True}
    with acting(case, "view", details=details, listener=warn):
        probe, missing = _of_probe(told.record, item.appearance.probe, case_check(case))
        both = _side_by_side(
            item, probe, [(path.name, path.read_bytes()) for path in sorted(out.glob(OF_CANDIDATE))]
        )
        paths = _write(out, [*probe, (SIDE_BY_SIDE, both)])
    lines = [f"probe: {_named(paths[:-1])}"] if probe else []
    lines += [f"no picture of the probe: {shown(why)}" for why in missing]
    return [*lines, f"side by side: {shown(str(paths[-1]))}"]


def _named(paths: list[Path]) -> str:
    return enumerated([shown(str(path)) for path in paths], MOST_NAMES)


def _of_candidate(case: Case, item: Listed) -> Pictures:
    """Every picture that the case keeps of the candidate's faces, under its file name; others in it are hidden."""
    check = case_check(case)
    return [
        (f"candidate-{item.candidate.tracklet}-{number + 1:02}.jpg", picture)
        for number in range(MOST_FACES)
        if (picture := shown_picture(case, item.candidate.tracklet, number, check)) is not None
    ]


def _of_probe(record: SearchRecord, probe: str, check: PictureCheck) -> tuple[Pictures, list[str]]:
    """The face in each picture of the probe, cut out where it was searched for; and why a picture is not there."""
    found: Pictures = []
    missing = []
    for number, image in enumerate(_images(record, probe), 1):
        path = Path(image["path"])
        try:
            pixels = read_probe_picture(ProbePicture(ProbeSpec(probe, path), image["sha256"]))
        except ProbeError as error:
            missing.append(f"{path} is not there as it was searched for ({error.reason})")
            continue
        found.append((f"probe-{number}.png", _cut_out(pixels, image["box"], check)))
    return found, missing


def _side_by_side(item: Listed, probe: Pictures, candidate: Pictures) -> bytes:
    """One picture, PNG, of the probe's faces, then the candidate's."""
    faces = [SheetFace("probe", name, picture) for name, picture in probe]
    faces += [SheetFace(f"candidate {item.candidate.tracklet}", name, picture) for name, picture in candidate]
    return contact_sheet(faces, "Probe and candidate, to be examined by a person", suffix=".png")


def _write(folder: Path, pictures: Pictures) -> list[Path]:
    """Write pictures into the folder; they are not encrypted.

    Raises:
        OutputError: it cannot be written to; nothing of these is left in it.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in pictures:
            with (folder / name).open("xb") as file:
                written.append(folder / name)
                file.write(picture)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise OutputError(f"cannot be written to ({error.strerror})", subject=str(folder)) from error
    return written


def _images(record: SearchRecord, probe: str) -> Iterator[dict[str, Any]]:
    for told in record.probes:
        if told.get("name") == probe:
            yield from told.get("images", ())


def _cut_out(pixels: Any, box: list[float], check: PictureCheck) -> bytes:
    """The face with a margin, PNG: pixels as they are in the picture, and others in it hidden."""
    import numpy as np
    from PIL import Image

    face = np.array(box, np.float32)
    others = check.others(pixels, face, np.zeros((0, 4), np.float32))
    pixels = with_hidden(pixels, others, [face])
    x1, y1, x2, y2 = box
    across, down = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
    height, width = pixels.shape[:2]
    left, top = max(0, int(x1 - across)), max(0, int(y1 - down))
    right, bottom = min(width, int(x2 + across) + 1), min(height, int(y2 + down) + 1)
    encoded = io.BytesIO()
    Image.fromarray(pixels[top:bottom, left:right]).save(encoded, "PNG")
    return encoded.getvalue()
