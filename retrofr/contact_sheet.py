"""A contact sheet: one picture with the best face of each person in a grid, its number below it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
MOST_FACES = 400
"""More do not fit on a picture that a person can look at."""

_FACE, _GAP, _LINE, _MARGIN = 144, 12, 18, 16
_MOST_COLUMNS = 20
_PAPER, _INK, _GREY, _EMPTY = (255, 255, 255), (20, 20, 20), (110, 110, 110), (225, 225, 225)
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class SheetFace:
    """A face on the sheet: title and caption below it, and the picture, encoded; None where none was kept."""

    title: str
    caption: str
    picture: bytes | None


def contact_sheet(faces: Sequence[SheetFace], heading: str, *, suffix: str) -> bytes:
    """Draw the sheet.

    Args:
        faces: in the order of the grid, row after row; at most ``MOST_FACES``.
        heading: one line at the top.
        suffix: of the file it is for, one of ``FORMATS``.

    Returns:
        The picture, encoded. A place without a picture, or with one that cannot be decoded, says so.
    """
    if len(faces) > MOST_FACES:
        raise ValueError(f"faces: expected at most {MOST_FACES}, got {len(faces)}")
    heading_font, font = ImageFont.load_default(16), ImageFont.load_default(14)
    columns = min(_MOST_COLUMNS, max(5, round(len(faces) ** 0.5)))
    rows = -(-len(faces) // columns)
    across, down = _FACE + _GAP, _FACE + 2 * _LINE + _GAP
    top = _MARGIN + 2 * _LINE
    sheet = Image.new("RGB", (2 * _MARGIN + columns * across - _GAP, top + rows * down + _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), heading, fill=_INK, font=heading_font)
    for place, face in enumerate(faces):
        row, column = divmod(place, columns)
        x, y = _MARGIN + column * across, top + row * down
        picture = _decoded(face.picture)
        if picture is None:
            draw.rectangle((x, y, x + _FACE - 1, y + _FACE - 1), fill=_EMPTY)
            draw.text((x + 8, y + _FACE // 2 - 8), "no picture", fill=_GREY, font=font)
        else:
            sheet.paste(picture, (x + (_FACE - picture.width) // 2, y + (_FACE - picture.height) // 2))
        draw.text((x, y + _FACE + 2), face.title, fill=_INK, font=font)
        draw.text((x, y + _FACE + 2 + _LINE), face.caption, fill=_GREY, font=font)
    encoded = io.BytesIO()
    sheet.save(encoded, FORMATS[suffix.lower()], quality=_JPEG_QUALITY)
    return encoded.getvalue()


def _decoded(picture: bytes | None) -> Image.Image | None:
    """The picture, as large as its place allows."""
    if picture is None:
        return None
    try:
        image = Image.open(io.BytesIO(picture)).convert("RGB")
    except (UnidentifiedImageError, OSError):
        return None
    scale = _FACE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)
