"""What the log says of a search: enough to find it again, and nobody's name."""

from __future__ import annotations

import dataclasses
import json

from fixed_results import search_result
from retrofr.oversight.details import MOST_LISTED, models_of, search_details
from retrofr.oversight.log import Draft
from retrofr.oversight.operators import Operator


def test_requirement_13_what_is_said_of_a_search() -> None:
    result = search_result()
    details = search_details(result)
    Draft("search", Operator("A. Smith"), details=details)  # a log takes it
    assert (details["compared"], details["hits"]) == (result.compared, len(result.hits))
    assert details["candidates"] == len(result.hits) + len(result.candidates)
    assert details["probe_pictures"] == [i.sha256 for probe in result.probes for i in probe.images]
    assert set(details["exhibit_digests"]) == {s.exhibit_sha256 for s in result.coverage.streams}
    assert details["found"][0] == {
        "exhibit": result.hits[0].exhibit_sha256,
        "stream": 0,
        "start": 12.5,
        "end": 17.0,
        "score": result.hits[0].score,
        "tracklet": None,
    }
    assert details["threshold_override"] is result.statement.overridden


def test_nobody_and_no_file_is_named() -> None:
    result = search_result()
    text = json.dumps(search_details(result))
    names = {hit.exhibit for hit in result.hits} | {probe.name for probe in result.probes}
    names |= {str(image.path) for probe in result.probes for image in probe.images}
    assert [name for name in names if name in text] == []


def test_long_lists_end_and_are_counted() -> None:
    result = search_result()
    many = dataclasses.replace(result, hits=result.hits[:1] * 300)
    details = search_details(many)
    assert (details["hits"], len(details["found"])) == (300, MOST_LISTED)


def test_requirement_11_the_models_of_a_run_are_named_and_its_recordings_are_not() -> None:
    one, two, three = "1" * 64, "2" * 64, "3" * 64
    run = {
        "detector": {"name": "yunet", "weights": [{"name": "yunet.onnx", "sha256": one, "licence": "MIT"}]},
        "embedder": {"parts": [{"name": "sface", "weights": "sface.onnx", "weights_sha256": two}]},
        "recipe": {"terms": {"detector": {"weights": {"lines.onnx": three}}}},
        "exhibits": [{"name": "anna.mp4", "sha256": "4" * 64}],
    }
    assert models_of(run) == {"yunet.onnx": one, "sface.onnx": two, "lines.onnx": three}
    assert models_of({"detector": None, "embedder": {"weights": "x.onnx", "weights_sha256": None}}) == {}


def test_the_models_of_a_recipe_are_those_of_its_terms() -> None:
    from retrofr.recipe import recipe_of
    from retrofr.scoring import build_scorer
    from retrofr.settings import Settings

    settings = Settings()
    recipe = recipe_of(settings, build_scorer(settings.embed.embedder, settings.parts))
    names = " ".join(models_of(recipe.terms))
    assert all(part in names for part in ("yunet", "sface", "dlib"))
