"""The report: what it says of a search, what it must never lack, and that it stands alone."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fixed_results import appearance, probe, search_result, statement
from pages import Element, read_page
from retrofr.outfolder import OutFolder, with_still_names
from retrofr.records import ProbeImage
from retrofr.reporting.folder import report_files
from retrofr.reporting.page import report_page
from retrofr.reporting.searched import Searched, of_result
from retrofr.results import LEADS_ONLY, Coverage, SearchResult


def searched(result: SearchResult | None = None) -> Searched:
    return of_result(with_still_names(result or search_result()))


@pytest.fixture(scope="module")
def text() -> str:
    return report_page(searched())


@pytest.fixture(scope="module")
def page(text: str) -> Element:
    return read_page(text)


def section(page: Element, name: str) -> Element:
    return page.one("section", id=name)


def test_requirement_26_every_page_says_that_these_are_leads(text: str, page: Element) -> None:
    for place in (page.one("p", class_="banner"), page.one("footer")):
        assert place.text == f"{LEADS_ONLY} Never the only basis of a decision: corroborate."
    printed = re.search(r'@bottom-left \{ content: "(.*?)"', text)
    assert printed is not None
    assert printed.group(1) == page.one("footer").text


def test_without_a_record_the_authority_is_not_recorded(page: Element) -> None:
    assert page.one("p", class_="authority").text == "authority: not recorded"
    searcher = read_page(report_page(searched(search_result(run={"operator": "not stated, system user x"}))))
    line = searcher.one("p", class_="authority")
    assert (line.text, line.attributes["class"]) == ("authority: not recorded", "authority none")
    assert section(searcher, "asked").one("h3").text == "Who searched, and with which pictures"


def test_a_recorded_authority_is_told() -> None:
    record = {"purpose": "find a missing child", "necessity": "no other way", "offence": None}
    run = {
        "authority": {
            "line": "authority: RF/17, valid until 2026-12-01",
            "reference": "RF/17",
            "record": record,
        },
        "operator": "PC Smith",
        "probe_records": [{"probe": "ann", "line": "given by her mother"}],
    }
    asked = read_page(report_page(searched(search_result(run=run))))
    assert asked.one("p", class_="authority").text == "authority: RF/17, valid until 2026-12-01"
    facts = section(asked, "asked").facts
    assert (facts["purpose"], facts["necessity"]) == ("find a missing child", "no other way")
    assert (facts["operator"], facts["picture of ann"]) == ("PC Smith", "given by her mother")
    assert "offence" not in facts


def test_each_hit_says_where_when_how_alike_and_how_good(page: Element) -> None:
    first, second, third = section(page, "hits").all("article")
    assert first.one("h3").text == "hit 1 cam1_20240114_225812.mp4"
    assert first.facts == {
        "score": "0.612",
        "likelihood ratio": "log10 3.21. A score like this is about 1,600 times as frequent of one person as of two "
        "people: strong support for one person rather than two.",
        "adjusted time": "2024-01-14 22:58:24 – 22:58:29 (clock unverified)",
        "recorder’s time": "2024-01-14 22:58:24 – 22:58:29",
        "clock from": "file name",
        "in the recording": "0:00:12.500 – 0:00:17.000",
        "supporting faces": "9 of 11 seen",
        "quality": "41 px between the eyes in the best picture",
        "examiners": "not examined",
        "exhibit": "cam1_20240114_225812.mp4, stream 0 SHA-256 000000000000…",
    }
    assert second.facts["likelihood ratio"].startswith("none: not validated for this condition")
    assert second.facts["wall clock"] == "wall clock unknown: no clock in the file name"
    assert third.facts["likelihood ratio"].endswith("As far as the data carry it, and no further.")
    assert third.facts["in the recording"] == "0:01:01.000 – 0:01:02.500 (interpolated)"
    assert [e.one("h3").text.split()[1] for e in section(page, "below").all("article")] == ["4", "5"]


def test_requirement_22_pictures_are_those_that_the_search_made(page: Element, tmp_path: Path) -> None:
    result = with_still_names(search_result())
    OutFolder(tmp_path / "out").write(result, report_files(of_result(result)))
    shown = [picture.attributes["src"] for picture in page.all("img")]
    assert len(shown) == 10
    for name in shown:
        named = re.fullmatch(r"stills/(?:hit|candidate)-0*(\d+)-(?:frame|face)\.(jpg|png)", name)
        assert named is not None
        made = f"{named[2].replace('jpg', 'jpeg')} of rank {named[1]}"
        assert (tmp_path / "out" / name).read_bytes() == made.encode()
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8") == report_page(of_result(result))


def test_pictures_that_hide_nobody_say_so_and_why() -> None:
    run = {
        "redaction": {"unredacted": True, "reason": "ordered by the court", "checked": None, "pictures": 5}
    }
    (told,) = section(read_page(report_page(searched(search_result(run=run)))), "hits").all(
        "p", class_="warn"
    )
    assert told.text == (
        "Pictures: nobody is hidden: bystanders can be recognised in these pictures (ordered by the court)."
    )


def test_requirement_19_faces_too_poor_to_compare_are_told(page: Element) -> None:
    told = section(page, "errors").text
    assert "42 faces were found and too poor to be compared (36 too small: less than 10 px" in told
    assert section(page, "coverage").facts["unfit faces"].startswith("18 too small")


def test_what_was_not_searched_is_drawn_and_listed(page: Element) -> None:
    stairs = next(
        svg
        for svg in section(page, "timeline").all("svg", role="group")
        if "stairs" in svg.attributes["aria-label"]
    )
    drawn = {e.attributes["class"].split()[1]: e for e in stairs.all("rect", class_="block")}
    lost = drawn["unreadable"]
    assert lost.one("title").text.startswith(
        "not searched: unreadable, 0:10:00.000 – 0:10:02.000 (3 damaged packets)"
    )
    assert float(lost.attributes["x"][:-1]) == pytest.approx(600 / 3662.5 * 100, abs=1e-3)
    assert float(lost.attributes["width"][:-1]) == pytest.approx(2 / 3662.5 * 100, abs=1e-3)
    (whole,) = section(page, "timeline").one("ul", class_="unsearched").all("li")
    assert whole.text.startswith("cam2_0114.mp4: no video index (moov)")
    coverage = section(page, "coverage")
    assert ["0:10:00.000 – 0:10:02.000", "not searched: unreadable", "3 damaged packets"] in [
        [cell.text for cell in row.all("td")][1:] for row in coverage.all("tr")
    ]
    assert coverage.facts["not opened"] == (
        "cam2_0114.mp4: no video index (moov) in this file, so none of it could be searched"
    )


def test_a_search_without_a_hit_says_what_was_searched() -> None:
    found = read_page(report_page(searched(search_result(hits=(), candidates=()))))
    hits = section(found, "hits")
    assert hits.one("h2").text == "No hits"
    assert "No hit for suspect. No face in what was searched scores 0.363 or more." in hits.text
    assert section(found, "asked").facts["searched"] == "2 exhibits, 1:03:00 of footage"
    assert len(section(found, "timeline").all("svg", role="group")) == 2
    assert "no hit does not mean that somebody was not there" in section(found, "errors").text


def test_nothing_searched_at_all_is_said() -> None:
    nothing = search_result(hits=(), candidates=(), compared=0, coverage=Coverage())
    found = read_page(report_page(searched(nothing)))
    assert "Nothing could be searched." in section(found, "hits").text
    assert "there is nothing to draw" in section(found, "timeline").text


def test_it_stands_alone_and_lets_nothing_else_run(text: str, page: Element) -> None:
    assert re.findall(r"https?://|//[a-z]+\.[a-z]+/|@import|url\((?!#)", text) == []
    (policy,) = (e.attributes["content"] for e in page.all("meta") if "http-equiv" in e.attributes)
    for tag in ("style", "script"):
        (only,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(only.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert [
        e for e in page.walk() if any(name.startswith("on") or name == "style" for name in e.attributes)
    ] == []


def test_names_cannot_become_markup_nor_hide_what_they_are() -> None:
    nasty = '"><script>alert(1)</script>\u202egpj.mp4'
    result = search_result(
        hits=(appearance(1, 0.5, exhibit=nasty, probe=nasty, camera=nasty),), probes=(probe(nasty),)
    )
    text = report_page(searched(result))
    assert "\u202e" not in text
    assert len(read_page(text).all("script")) == 1
    assert "\\u202egpj.mp4" in text


def test_a_reader_without_eyes_or_mouse_is_served(page: Element) -> None:
    assert [e.tag for e in page.walk() if e.tag in ("header", "nav", "main", "footer")] == [
        "header", "nav", "main", "footer",
    ]  # fmt: skip
    assert page.one("html").attributes["lang"] == "en"
    assert len(page.all("h1")) == 1
    levels = [int(e.tag[1]) for e in page.walk() if re.fullmatch("h[1-6]", e.tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(picture.attributes["alt"] for picture in page.all("img"))
    ids = [e.attributes["id"] for e in page.walk() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    targets = {e.attributes["href"][1:] for e in page.all("a") if e.attributes["href"].startswith("#")}
    assert targets <= set(ids)
    assert {"hit-1", "candidate-5"} <= targets
    labelled = {e.attributes["aria-labelledby"] for e in page.walk() if "aria-labelledby" in e.attributes}
    assert labelled <= set(ids)
    for control in [*page.all("select"), *page.all("input")]:
        assert control.parent is not None
        assert control.parent.tag == "label"


def test_without_a_script_everything_is_there(page: Element) -> None:
    assert "hidden" in page.one("form").attributes  # the script shows it
    assert [e for e in page.all("article") if "hidden" in e.attributes] == []


def test_filters_offer_what_leaves_a_choice(page: Element) -> None:
    offered = {e.attributes["name"]: [o.text for o in e.all("option")] for e in page.all("select")}
    assert offered == {
        "camera": ["all", "cam1_20240114_225812.mp4", "stairs/night – deck 3.mkv"],
        "order": ["best score first", "by time"],
    }
    assert [e.attributes["name"] for e in page.all("input")] == ["from", "to"]


def test_the_face_of_a_probe_is_shown_from_its_file_only_while_it_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ann.png"
    Image.new("RGB", (100, 80), (200, 30, 30)).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    image: ProbeImage = replace(probe().images[0], path=path, sha256=digest)
    image = replace(image, box=np.array([40, 20, 60, 40], np.float32))
    result = search_result(probes=(replace(probe(), images=(image,)),))
    files = report_files(searched(result))
    assert list(files) == ["stills/probe-0001.jpg", "report.html"]
    (tmp_path / "face.jpg").write_bytes(files["stills/probe-0001.jpg"])
    assert Image.open(tmp_path / "face.jpg").size == (36, 36)  # 20 px and a margin of 0.4 each side
    Image.new("RGB", (100, 80)).save(path)
    files = report_files(searched(result))
    assert list(files) == ["report.html"]
    assert "it is another picture now than when it was searched for" in files["report.html"].decode()


def test_a_threshold_that_overrides_the_rates_stands_out() -> None:
    found = read_page(report_page(searched(search_result(statement=statement(overridden=True)))))
    warned = [e.text for e in section(found, "asked").all("dd", class_="warn")]
    assert warned == ["0.363, documented default of sface+dlib-resnet"]
