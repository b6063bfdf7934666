"""A comparison of two pictures as a folder: a page with both faces side by side, the faces, and the figures.

The page stands alone: pictures are in it, it fetches nothing, and it can be printed. No pixel is made up: faces are
shown as they are in their pictures, enlarged by the browser without smoothing.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from retrofr.comparing import ComparedFace, PictureComparison, comparison_document
from retrofr.documents import encoded, json_text
from retrofr.errors import OutputError
from retrofr.oversight.authority import line_of
from retrofr.records import Pixels
from retrofr.results import LEADS_ONLY

PAGE, DOCUMENT = "comparison.html", "comparison.json"

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
.faces { display: flex; flex-wrap: wrap; gap: 2rem; }
figure { margin: 0; flex: 1 1 18rem; }
img { width: 100%; max-width: 24rem; image-rendering: pixelated; border: 1px solid #888; }
figcaption { overflow-wrap: anywhere; font-size: 0.9rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1.5rem; }
dt { color: #777; } dd { margin: 0; }
@media print { body { margin: 0; } figure { break-inside: avoid; } }
"""


def write_comparison(result: PictureComparison, facts: Sequence[tuple[str, str]], folder: Path) -> list[str]:
    """Write the page, both faces as PNG, and the figures as JSON; gives the names written.

    Args:
        result: of :func:`retrofr.comparing.compare_pictures`.
        facts: labels and sentences for the page, as they are told elsewhere.
        folder: new or empty.

    Raises:
        OutputError: it is not empty, is no folder, or cannot be written to; then nothing new is left in it.
    """
    faces = {f"face-{face.name.lower()}.png": png(face.pixels) for face in result.faces}
    files = {
        **faces,
        DOCUMENT: encoded(json_text(comparison_document(result), indent=2) + "\n"),
        PAGE: encoded(page(result, facts)),
    }
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(
                "is not empty, and nothing is overwritten",
                subject=str(folder),
                hint="name another folder with --out",
            )
        for name, content in files.items():
            written.append(folder / name)
            with (folder / name).open("xb") as file:
                file.write(content)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise OutputError(
            f"cannot be written to ({error.strerror})",
            subject=str(folder),
            hint="name a folder you may write to with --out",
        ) from error
    return list(files)


def page(result: PictureComparison, facts: Sequence[tuple[str, str]]) -> str:
    """The page as HTML."""
    figures = "\n".join(_figure(face) for face in result.faces)
    rows = "\n".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in facts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Comparison of two faces</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Comparison of two faces</h1>
<div class="faces">
{figures}
</div>
<dl>
{rows}
</dl>
<p>{escape(line_of(result.run))}</p>
<p><em>{escape(LEADS_ONLY)}</em></p>
</body>
</html>
"""


def png(pixels: Pixels) -> bytes:
    """(H, W, 3) uint8 RGB as PNG."""
    import cv2

    return bytes(cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1])


def _figure(face: ComparedFace) -> str:
    quality = face.image.quality
    data = base64.b64encode(png(face.pixels)).decode()
    poor = "; ".join((*quality.problems, *quality.warnings))
    caption = [
        f"{face.name}: {face.image.path}",
        f"{quality.eye_distance_pixels:.0f} px between the eyes, sharpness {quality.sharpness:.2f}, "
        f"turn {quality.yaw:.2f}",
        *([f"poor: {poor}"] if poor else []),
        f"SHA-256 {face.image.sha256}",
    ]
    text = "<br>".join(escape(line) for line in caption)
    return (
        f'<figure><img alt="Face {face.name}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )
