"""``retrofr bench``: what it prints, its document, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from clips import make_clip
from fakes import COLOURS, draw_face, scene
from retrofr.records import VideoStream
from retrofr.results import Unsearched
from retrofr.settings import Settings
from retrofr.speed.documents import SPEED_SCHEMA
from retrofr.speed.measured import Indexing, Recording, Round, SpeedResult
from retrofr.speed.reading import Decoding
from retrofr.speed.stages import STAGES, Spent
from retrofr_cli import main
from retrofr_cli.speed_view import took
from schemas import broken, schema_of

Run = Callable[..., Result]
CPU = (3.0, 0.6, 2.4, 0.3, 0.2, 1.5)
WALL = (None, None, 1.25, None, 0.2, 0.9)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "COMMANDS", tuple(dict.fromkeys([*main.COMMANDS, "bench"])))


def round_of(wall: float, others: float | None = 0.02) -> Round:
    spent = map(Spent, CPU, WALL)
    stages = dict(zip(STAGES, spent, strict=True))
    indexing = Indexing(wall, 8.0, 120, Fraction(60), 1234, 56, 150, 481_000_000, stages)
    return Round(Decoding(4.0, 3.5, 120, Fraction(60)), indexing, others)


def fixed() -> SpeedResult:
    rounds = (round_of(6.0), round_of(5.0), round_of(5.5))
    stream = VideoStream(0, "h264", 1920, 1080, Fraction(25), Fraction(60))
    return SpeedResult(
        recordings=(Recording("cam1/door.mp4", stream, rounds),),
        unmeasured=(),
        ignored=(),
        settings=Settings(),
        device="cpu (AMD EPYC, 2 threads, openvino 2026.4.1)",
        cores=2,
        workers=1,
        load_seconds=0.9,
    )


@dataclass
class FakeMeasure:
    """Stands in for ``retrofr.speed.measuring.measure_speed``."""

    gives: SpeedResult = field(default_factory=fixed)
    raises: BaseException | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, footage: tuple[str, ...], **options: Any) -> SpeedResult:
        self.calls.append({"footage": footage, **options})
        if self.raises is not None:
            raise self.raises
        return self.gives


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeMeasure:
    made = FakeMeasure()
    monkeypatch.setattr("retrofr.speed.measuring.measure_speed", made)
    return made


def test_the_table(run: Run, fake: FakeMeasure, golden: Callable[[str, str], None]) -> None:
    result = run("bench", "a.mp4", "--hours", "500", columns=80)
    assert (result.exit_code, result.stderr) == (0, "")
    golden("bench-80.txt", result.stdout)


def test_the_table_of_what_went_wrong(
    run: Run, fake: FakeMeasure, golden: Callable[[str, str], None]
) -> None:
    (whole,) = fake.gives.recordings
    rough = replace(whole, name="a\x1b[31m.mp4", rounds=(round_of(6.0, others=1.25),))
    damaged = replace(whole, name="b.mp4", problems=("1 damaged packet at 3.200 s",))
    fake.gives = replace(
        fake.gives,
        recordings=(rough, damaged),
        unmeasured=(Unsearched("c.mp4", "is empty (0 bytes)", "copy it again"),),
        ignored=("notes.txt",),
        cores=16,
        workers=4,
        interrupted=True,
    )
    result = run("bench", "a.mp4")
    assert result.exit_code == 130
    golden("bench-gaps-120.txt", result.stdout)


def test_where_nothing_was_measured(run: Run, fake: FakeMeasure) -> None:
    missing = Unsearched("c.mp4", "is empty (0 bytes)")
    fake.gives = replace(fake.gives, recordings=(), unmeasured=(missing,))
    result = run("bench", "c.mp4", "--hours", "9")
    assert result.exit_code == 3
    assert "not measured  c.mp4: is empty (0 bytes)\n" in result.stdout
    assert "hour" not in result.stdout


def test_the_document_fits_its_schema(run: Run, fake: FakeMeasure) -> None:
    schema = schema_of("bench.schema.json")
    assert schema["properties"]["schema"] == {"const": SPEED_SCHEMA}
    result = run("bench", "a.mp4", "--format", "json", "--hours", "500")
    document = json.loads(result.stdout)
    assert broken(document, schema) == []
    assert document["recordings"][0]["media_seconds"] == 60
    assert document["recordings"][0]["wall_ratio"] == 1.375
    assert document["total"]["indexing"]["wall_seconds"] == 5.5
    assert list(document["total"]["indexing"]["stages"]) == list(STAGES)
    assert document["projection"]["seconds_per_hour"] == 330
    assert document["projection"]["seconds"] == 165_000
    fake.gives = replace(fake.gives, recordings=(), unmeasured=(Unsearched("c.mp4", "is empty"),))
    nothing = json.loads(run("bench", "a.mp4", "--format", "json").stdout)
    assert broken(nothing, schema) == []
    assert (nothing["total"], nothing["projection"], nothing["exit_code"]) == (None, None, 3)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("exit_code", 7, "/exit_code: 7 is none of [0, 3, 10, 130]"),
        ("cores", "2", "/cores: '2' is no ['integer']"),
        ("total", {}, "/total: 0 of the kinds fit"),
        ("schema", "retrofr.bench/2", "/schema: 'retrofr.bench/2' is not 'retrofr.bench/1'"),
        ("load_seconds", -1, "/load_seconds: -1 is less than 0"),
        ("recordings", [{}], "/recordings/0: no rounds"),
    ],
)
def test_a_document_that_does_not_fit_is_noticed(
    run: Run, fake: FakeMeasure, key: str, value: object, complaint: str
) -> None:
    document = json.loads(run("bench", "a.mp4", "--format", "json").stdout) | {key: value}
    assert complaint in broken(document, schema_of("bench.schema.json"))


def test_every_key_of_the_document_is_described(run: Run, fake: FakeMeasure) -> None:
    schema = schema_of("bench.schema.json")
    document = json.loads(run("bench", "a.mp4", "--format", "json").stdout)
    definitions = schema["$defs"]
    (recording,) = document["recordings"]
    for value, described in (
        (document, schema),
        (recording, definitions["recording"]),
        (recording["rounds"][0], definitions["round"]),
        (document["total"], definitions["total"]),
        (document["projection"], definitions["projection"]),
    ):
        assert list(value) == list(described["properties"]) == described["required"]


def test_options_become_settings(run: Run, fake: FakeMeasure) -> None:
    arguments = ("--rate", "5", "--no-gate", "--device", "cpu", "--seconds", "20", "--rounds", "2")
    result = run("bench", "a.mp4", "b.mp4", *arguments, "--set", "parts.yunet.min_face_pixels=40")
    assert result.exit_code == 0
    (call,) = fake.calls
    assert (call["footage"], call["seconds"], call["rounds"]) == (("a.mp4", "b.mp4"), 20.0, 2)
    settings = call["settings"]
    assert (settings.sampling.rate, settings.sampling.gate, settings.device) == (5, False, "cpu")
    assert settings.parts == {"yunet": {"min_face_pixels": "40"}}
    run("bench", "a.mp4", "--rate", "keyframes")
    assert fake.calls[-1]["settings"].sampling.only_keyframes is True
    assert (fake.calls[-1]["seconds"], fake.calls[-1]["rounds"]) == (60.0, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rounds", "0"), "invalid value for '--rounds': 0 is not in the range 1<=x<=100"),
        (("--seconds", "0"), "invalid value for '--seconds': 0.0 is not in the range 1<=x<=86400"),
        (("--hours", "0"), "invalid value for '--hours': 0.0 is not in the range x>0"),
    ],
)
def test_what_makes_no_sense(run: Run, fake: FakeMeasure, arguments: tuple[str, ...], message: str) -> None:
    result = run("bench", "a.mp4", *arguments)
    assert (result.exit_code, result.stdout, fake.calls) == (2, "", [])
    assert result.stderr == f"error: {message}\n       `retrofr bench --help` says what it takes\n"


def test_a_second_ctrl_c_leaves_at_once(run: Run, fake: FakeMeasure) -> None:
    fake.raises = KeyboardInterrupt()
    result = run("bench", "a.mp4")
    assert (result.exit_code, result.stderr) == (130, "error: interrupted; nothing was written\n")


def test_footage_that_is_not_there(run: Run) -> None:
    result = run("bench", "nowhere.mp4")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: nowhere.mp4: ")


def test_help_has_examples(run: Run) -> None:
    result = run("bench", "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "  retrofr bench camera-1.mp4 --hours 500" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    for code in (0, 2, 3, 6, 7, 8, 10, 130):
        assert f"{code} " in result.stdout.split("Exit codes")[1]


def test_a_recording_is_measured(
    run: Run, tmp_path: Path, fake_parts: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrofr.comparison.build_landmark_net", lambda *_: None)  # real, and slow to load

    def visitor(number: int, width: int, height: int) -> Any:
        image = scene(width, height)
        draw_face(image, COLOURS["red"], 20 + number, 60, 60)
        return image

    clip = make_clip(tmp_path / "cam1.mp4", frames=50, picture=visitor)
    chosen = [
        f"{stage}.{name}={value}"
        for stage in ("detect", "embed")
        for name, value in fake_parts[stage].items()
    ]
    flags = [word for each in chosen for word in ("--set", each)]
    result = run("bench", clip, "--rounds", "1", "--format", "json", "--quiet", *flags)
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert broken(document, schema_of("bench.schema.json")) == []
    (recording,) = document["recordings"]
    (each,) = recording["rounds"]
    assert (recording["name"], recording["media_seconds"]) == ("cam1.mp4", 2)
    assert (each["decoding"]["samples"], each["indexing"]["samples"], each["indexing"]["faces"]) == (4, 4, 4)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (552, "9 min 12 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (22_080, "6 h 8 min"),
        (86_400, "1 day 0 h"),
        (1_047_600, "12 days 3 h"),
    ],
)
def test_a_length_of_time_in_words(seconds: float, text: str) -> None:
    assert took(seconds) == text
