"""What retrofr cannot be asked for: two cases at once, and traits of people."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from retrofr.weights import known_weights
from retrofr_cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
TRAITS = frozenset(
    (
        *(
            "age",
            "ages",
            "gender",
            "sex",
            "male",
            "female",
            "race",
            "races",
            "ethnicity",
            "ethnic",
            "nationality",
        ),
        *("emotion", "emotions", "mood", "religion", "health", "disability", "orientation", "attractiveness"),
    )
)
MODELS = {
    **{"yunet": "finds faces", "mtcnn-pnet": "finds faces", "mtcnn-rnet": "finds faces"},
    **{"mtcnn-onet": "finds faces and landmarks, to cut faces alike"},
    **{"sface": "compares faces", "dlib-resnet": "compares faces"},
    **{"facenet-vggface2": "compares faces", "facenet-casia-webface": "compares faces"},
    **{"ppocr-text-lines": "finds the burnt-in clock", "ppocr-characters": "reads the burnt-in clock"},
}
"""What each model is for; one that is added here is asked what it is for."""


def leaves(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_requirement_06_no_command_takes_two_cases(run: Any) -> None:
    taking = {
        name: [p for p in command.params if (p.name or "").startswith("case")] for name, command in leaves()
    }
    assert {"search", "index", "export", "people show", "verdict give"} <= {
        n for n, found in taking.items() if found
    }
    for name, found in taking.items():
        for parameter in found:
            assert parameter.nargs == 1, name
            if isinstance(parameter, click.Option):
                result = run(*name.split(), "--case", "harbour", "--case", "station")
                assert (result.exit_code, result.stdout) == (8, ""), name
                assert result.stderr.startswith("error: --case: one case at a time\n"), name


def test_requirement_07_no_output_has_a_trait_of_a_person() -> None:
    names = set()
    for path in (ROOT / "docs" / "schemas").glob("*.json"):
        names |= set(_keys(json.loads(path.read_text(encoding="utf-8"))))
    golden = ROOT / "tests" / "cli" / "golden"
    for path in (*golden.glob("*.json"), *golden.glob("*.jsonl")):
        text = path.read_text(encoding="utf-8")
        for document in [text] if path.suffix == ".json" else text.splitlines():
            names |= set(_keys(json.loads(document)))
    for path in golden.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            names |= set(next(csv.reader(file)))
    for _, command in leaves():
        names |= {str(parameter.name) for parameter in command.params}
    assert {"probe", "score", "exhibit_sha256", "operator"} <= names
    assert {name for name in names if TRAITS & set(name.lower().split("_"))} == set()


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)


def test_requirement_07_every_model_finds_aligns_or_compares_faces() -> None:
    assert {file.name for file in known_weights()} <= set(MODELS)
