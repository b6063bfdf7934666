"""Pictures of a page at several widths, light and dark, and a check that nothing of it overflows.

Takes a page that retrofr wrote, by default the report of a search of the sample footage, which it runs first:

    python docs/screenshots.py --out build/screenshots
    python docs/screenshots.py report/report.html --out build/screenshots --full
    python docs/screenshots.py --manual      # the pictures of the README and the manual, from the samples

It needs Chromium or Chrome, loads nothing from any network, and exits with 1 where a page is wider than its window or
text leaves its box. The widths are those of a telephone, a laptop and a desktop.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from retrofr.pages.printing import BROWSERS, find_browser

ROOT = Path(__file__).resolve().parents[1]
PROBE = Path("samples", "probes", "obama.jpg")  # pages name pictures as they were given
OPERATOR = ("--operator", "A. Examiner")
WIDTHS = (390, 1024, 1920)
HEIGHTS = {390: 844, 1024: 768, 1920: 1080}
LOAD_SECONDS = 120
MANUAL = ROOT / "docs" / "pictures"
MANUAL_WIDTH = 1024
WEBP_QUALITY = 82

MEASURE = """<!doctype html><meta charset="utf-8"><style>body { margin: 0 } iframe { border: 0; display: block }</style>
<iframe id="page" width="WIDTH" height="HEIGHT" src="PAGE"></iframe>
<script>
const began = performance.now();
const frame = document.getElementById("page");
frame.onload = () => {
  const loaded = performance.now() - began;
  const page = frame.contentDocument.documentElement, limit = page.clientWidth;
  const inside = (node) => node.closest(".wide, .skip, .defs, svg") !== null;
  const wide = [...page.querySelectorAll("body *")].slice(0, 10000)  // what is not drawn yet is costly to measure
    .filter((node) => !inside(node) && node.getBoundingClientRect().right > limit + 1)
    .map((node) => node.className || node.tagName);
  const told = { loaded: Math.round(loaded), scroll: page.scrollWidth, client: limit, height: page.scrollHeight,
    wide: wide.slice(0, 5), pictures: page.querySelectorAll("img").length, filtered: null };
  const choice = page.querySelector("#filters select[name=camera]");
  if (choice) {
    const asked = performance.now();
    choice.selectedIndex = 1;
    choice.dispatchEvent(new Event("input", { bubbles: true }));
    told.filtered = page.scrollHeight && Math.round(performance.now() - asked);  // the height makes it lay out
  }
  document.body.insertAdjacentHTML("beforeend", `<pre id="told">${JSON.stringify(told)}</pre>`);
};
</script>"""


@dataclass(frozen=True)
class Measured:
    """What a browser says of a page in a window of a width.

    ``loaded`` is how long it took to open, ``filtered`` to show the hits of one camera, in milliseconds.
    """

    width: int
    loaded: int
    scroll: int
    client: int
    height: int
    wide: tuple[str, ...]
    pictures: int
    filtered: int | None

    @property
    def overflows(self) -> bool:
        """Whether something reaches beyond the window."""
        return self.scroll > self.client or bool(self.wide)


def measure(browser: str, page: Path, width: int) -> Measured:
    """Load a page in a frame of a width and ask it for its sizes."""
    with tempfile.TemporaryDirectory() as folder:
        outer = Path(folder) / "outer.html"
        text = MEASURE.replace("WIDTH", str(width)).replace("HEIGHT", str(HEIGHTS.get(width, 900)))
        outer.write_text(text.replace("PAGE", page.resolve().as_uri()), encoding="utf-8")
        dump = _browse(
            browser,
            folder,
            "--allow-file-access-from-files",
            "--blink-settings=lazyLoadEnabled=true",  # a browser without a window loads all pictures at once
            "--dump-dom",
            outer.as_uri(),
        )
    found = re.search(r'<pre id="told">(\{"loaded.*?)</pre>', dump)
    if found is None:
        raise SystemExit(f"{page}: the browser did not load it within {LOAD_SECONDS} s")
    told = json.loads(found.group(1).replace("&gt;", ">").replace("&amp;", "&"))
    return Measured(width, **{**told, "wide": tuple(map(str, told["wide"]))})


def shoot(
    browser: str, page: Path, width: int, height: int, picture: Path, *, dark: bool = False, at: str = ""
) -> None:
    """Write a PNG of a page in a window of this size, from the element on that ``at`` is the id of."""
    # A window of a browser is never narrower than some 500 px; a frame is as narrow as it is made.
    frame = f'<body style="margin:0"><iframe style="border:0;display:block" width="{width}" height="{height}" src="'
    with tempfile.TemporaryDirectory() as folder:
        outer = Path(folder) / "outer.html"
        outer.write_text(f'{frame}{page.resolve().as_uri()}{at and f"#{at}"}"></iframe>', encoding="utf-8")
        scheme = (
            ["--blink-settings=preferredColorScheme=0"]
            if dark
            else ["--blink-settings=preferredColorScheme=1"]
        )
        _browse(
            browser,
            folder,
            *scheme,
            f"--window-size={max(width, 500)},{height}",
            "--virtual-time-budget=15000",
            "--run-all-compositor-stages-before-draw",
            f"--screenshot={picture.resolve()}",
            outer.as_uri(),
        )
    _crop(picture, width)


def _crop(picture: Path, width: int) -> None:
    from PIL import Image

    with Image.open(picture) as image:
        image.load()
        if image.width > width:
            image.crop((0, 0, width, image.height)).save(picture)


def _browse(browser: str, folder: str, *arguments: str) -> str:
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    command += [f"--user-data-dir={folder}/profile", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_SECONDS, check=False)
    return done.stdout


def sample_report(folder: Path) -> Path:
    """Search the sample footage; gives the page."""
    footage, out = folder / "footage", folder / "report"
    subprocess.run([sys.executable, ROOT / "samples" / "render.py", "--out", footage], check=True)
    _retrofr("search", footage, "--probe", PROBE, "--top", "2", "--quiet", "--out", out, *OPERATOR)
    return out / "report.html"


def sample_comparison(folder: Path) -> Path:
    """Compare two pictures of the samples; gives the page."""
    out = folder / "comparison"
    _retrofr("compare", PROBE, Path("samples", "portraits", "obama-2012.jpg"), "--out", out, *OPERATOR)
    return next(out.glob("*.html"))


def _retrofr(*words: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "retrofr_cli", *words], cwd=ROOT, check=False, stdout=subprocess.DEVNULL
    )
    if done.returncode not in (0, 10):
        raise SystemExit(f"retrofr {words[0]} of the samples failed")


def manual_pictures(browser: str, out: Path) -> list[Path]:
    """Write the pictures of the README and the manual as WebP; gives them."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory() as folder:
        report, comparison = sample_report(Path(folder)), sample_comparison(Path(folder))
        for name, page, at, height, dark in (
            ("report-light", report, "", 790, False),
            ("report-dark", report, "", 790, True),
            ("report-hits", report, "hits", 940, False),
            ("comparison", comparison, "", 940, False),
        ):
            shot = Path(folder) / f"{name}.png"
            shoot(browser, page, MANUAL_WIDTH, height, shot, dark=dark, at=at)
            written.append(_webp(shot, out / f"{name}.webp"))
    return written


def _webp(picture: Path, to: Path) -> Path:
    from PIL import Image

    with Image.open(picture) as image:
        image.convert("RGB").save(to, quality=WEBP_QUALITY, method=6)
    return to


def main() -> int:
    """Take the pictures; 1 where something overflows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", type=Path, help="pages; by default the report of the samples")
    parser.add_argument("--out", type=Path, help="where pictures are written")
    parser.add_argument(
        "--manual", action="store_true", help="those of the manual; --out: not to docs/pictures"
    )
    parser.add_argument("--full", action="store_true", help="the whole length of a page, at most 16,000 px")
    options = parser.parse_args()
    if options.out is None and not options.manual:
        parser.error("--out or --manual is needed")
    browser = find_browser()
    if browser is None:
        print(f"no browser: none of {', '.join(BROWSERS)} is on this machine", file=sys.stderr)
        return 2
    if options.manual:
        for path in manual_pictures(browser, options.out or MANUAL):
            print(f"{path.name}: {path.stat().st_size:,} bytes")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pages = options.pages or [sample_report(Path(folder))]
        found = [_one(browser, page, options.out, full=options.full) for page in pages]
    return 1 if any(found) else 0


def _one(browser: str, page: Path, out: Path, *, full: bool) -> bool:
    overflows = False
    for width in WIDTHS:
        measured = measure(browser, page, width)
        overflows |= measured.overflows
        height = min(measured.height, 16_000) if full else HEIGHTS[width]
        for scheme in ("light", "dark"):
            shoot(
                browser, page, width, height, out / f"{page.stem}-{width}-{scheme}.png", dark=scheme == "dark"
            )
        state = (
            f"OVERFLOWS: {measured.scroll} px, {', '.join(measured.wide)}" if measured.overflows else "fits"
        )
        print(
            f"{page.name} at {width} px: {state}; loaded in {measured.loaded} ms, {measured.height:,} px long"
        )
    return overflows


if __name__ == "__main__":
    sys.exit(main())
