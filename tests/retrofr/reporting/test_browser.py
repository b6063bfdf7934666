"""The report in a browser: its script filters, sorts and adds hits, and nothing reaches beyond a narrow window."""

from __future__ import annotations

import json
import re
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from fixed_results import appearance, search_result
from retrofr.outfolder import with_still_names
from retrofr.pages.printing import find_browser, print_page
from retrofr.reporting.folder import report_files
from retrofr.reporting.searched import of_result
from retrofr.results import Appearance

OUTER = """<!doctype html><iframe id="page" width="390" height="844" src="PAGE"></iframe><script>
page.onload = () => {
  const seen = page.contentDocument, told = {};
  const ids = () => [...seen.querySelectorAll("#list article")].map((each) => each.id);
  const set = (name, value) => {
    seen.querySelector(`[name=${name}]`).value = value;
    seen.querySelector("form").dispatchEvent(new Event("input"));
  };
  told.wide = seen.documentElement.scrollWidth > seen.documentElement.clientWidth;
  told.first = ids().length;
  seen.getElementById("more").click();
  told.more = ids().length;
  set("camera", "cam-b");
  told.camera = [ids().length, seen.querySelector("output").textContent];
  set("from", "2024-01-14T23:00:00"); set("to", "2024-01-14T23:00:30");
  told.time = ids();
  seen.querySelector("button[type=reset]").click();
  setTimeout(() => {
    set("order", "time");
    told.sorted = ids().slice(0, 3);
    told.script = seen.getElementById("filters").hidden;
    document.body.insertAdjacentHTML("beforeend", `<pre id="told">${JSON.stringify(told)}</pre>`);
  });
};
</script>"""


def test_filters_order_and_more_hits(tmp_path: Path) -> None:
    browser = find_browser()
    if browser is None:
        pytest.skip("needs Chromium")
    hits = tuple(seen(n) for n in range(1, 151))
    files = report_files(of_result(with_still_names(search_result(hits=hits, candidates=()))))
    (tmp_path / "report.html").write_bytes(files["report.html"])
    (tmp_path / "outer.html").write_text(OUTER.replace("PAGE", "report.html"))
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += ["--virtual-time-budget=3000", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    page = (tmp_path / "outer.html").as_uri()
    ran = subprocess.run([*command, page], capture_output=True, text=True, check=False, timeout=60)
    found = re.search(r'<pre id="told">(\{"wide.*?)</pre>', ran.stdout)
    assert found is not None, ran.stderr
    assert json.loads(found[1]) == {
        "wide": False,
        "first": 100,
        "more": 150,
        "camera": [50, "50 of 150 shown"],
        # The recording begins at 22:58:12.
        "time": [f"hit-{n}" for n in range(1, 151) if n % 3 == 1 and within(n)],
        "sorted": ["hit-150", "hit-149", "hit-148"],
        "script": False,
    }


def test_all_hits_are_on_paper(tmp_path: Path) -> None:
    browser = find_browser()
    if browser is None:
        pytest.skip("needs Chromium")
    hits = tuple(seen(n) for n in range(1, 151))
    pages = []
    for shown in (hits[:10], hits):
        folder = tmp_path / str(len(shown))
        folder.mkdir()
        files = report_files(of_result(with_still_names(search_result(hits=shown, candidates=()))))
        (folder / "report.html").write_bytes(files["report.html"])
        print_page(folder / "report.html", folder / "report.pdf", browser)
        pages.append(len(re.findall(rb"/Type /Page\n", (folder / "report.pdf").read_bytes())))
    assert pages[0] >= 3
    assert pages[1] >= pages[0] + 140 // 6  # of six hits at most


def seen(n: int) -> Appearance:
    """Hit n, for 5 s; the later its number, the earlier it is seen."""
    start, camera = Fraction(150 - n) * 3, f"cam-{'abc'[n % 3]}"
    return appearance(n, 0.9 - n / 1000, start=start, end=start + 5, camera=camera, still_pictures=None)


def within(n: int) -> bool:
    """Whether hit n is seen between 23:00:00 and 23:00:30, which is 108 to 138 s of the recording."""
    start = (150 - n) * 3
    return start <= 138 and start + 5 >= 108
