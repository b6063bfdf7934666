"""What a bundle says of its own list; the contracts and ``tests/retrofr/disclosure`` show that it is a sound bag."""

from __future__ import annotations

from dataclasses import replace

from exported import exported, material, search_record


def test_it_says_that_nothing_below_the_threshold_was_kept() -> None:
    _, said = exported("bundle", material())
    assert said == [
        "candidates below the threshold, as the search kept none: search with --top N for a bundle"
    ]
    deep = replace(search_record(), settings={"join_gap_seconds": 4.0, "top": 10})
    _, said = exported("bundle", material(search=deep))
    assert said == []
