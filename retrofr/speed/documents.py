"""What was measured as a document that scripts may rely on; docs/schemas/bench.schema.json describes it."""

from __future__ import annotations

from collections.abc import Mapping

from retrofr.speed.measured import Projection, Recording, Round, SpeedResult
from retrofr.speed.stages import Spent, Stage

SPEED_SCHEMA = "retrofr.bench/1"


def speed_document(result: SpeedResult, hours: float | None = None) -> dict[str, object]:
    """Every figure of every round, the medians, and the projection.

    Args:
        result: what was measured.
        hours: of footage, that the projection is asked for as well; None for one hour alone.
    """
    projection = result.projection()
    return {
        "schema": SPEED_SCHEMA,
        "exit_code": result.exit_code,
        "interrupted": result.interrupted,
        "device": result.device,
        "cores": result.cores,
        "load_seconds": result.load_seconds,
        "settings": result.settings.as_dict(),
        "recordings": [_recording(recording) for recording in result.recordings],
        "total": None if not result.recordings else _total(result),
        "projection": None if projection is None else _projection(projection, hours),
        "unmeasured": [
            {"subject": one.subject, "reason": one.reason, "hint": one.hint} for one in result.unmeasured
        ],
        "ignored": list(result.ignored),
    }


def _recording(recording: Recording) -> dict[str, object]:
    stream = recording.stream
    return {
        "name": recording.name,
        "stream": stream.index,
        "codec": stream.codec,
        "width": stream.width,
        "height": stream.height,
        "media_seconds": recording.media_seconds,
        "speed": recording.speed,
        "wall_ratio": recording.median(lambda each: each.wall_ratio),
        "cpu_ratio": recording.median(lambda each: each.cpu_ratio),
        "problems": list(recording.problems),
        "rounds": [_round(each) for each in recording.rounds],
    }


def _round(each: Round) -> dict[str, object]:
    decoding, indexing = each.decoding, each.indexing
    return {
        "others": each.others,
        "decoding": {
            "wall_seconds": decoding.wall_seconds,
            "cpu_seconds": decoding.cpu_seconds,
            "samples": decoding.samples,
        },
        "indexing": {
            "wall_seconds": indexing.wall_seconds,
            "cpu_seconds": indexing.cpu_seconds,
            "samples": indexing.samples,
            "faces": indexing.faces,
            "tracklets": indexing.tracklets,
            "templates": indexing.templates,
            "peak_bytes": indexing.peak_bytes,
            "stages": _stages(indexing.stages),
        },
    }


def _total(result: SpeedResult) -> dict[str, object]:
    """Sums of the recordings' medians."""
    return {
        "media_seconds": result.media_seconds,
        "samples": result.samples,
        "decoding": {
            "wall_seconds": result.total(lambda each: each.decoding.wall_seconds),
            "cpu_seconds": result.total(lambda each: each.decoding.cpu_seconds),
        },
        "indexing": {
            "wall_seconds": result.total(lambda each: each.indexing.wall_seconds),
            "cpu_seconds": result.total(lambda each: each.indexing.cpu_seconds),
            "stages": _stages(result.stages()),
        },
    }


def _stages(stages: Mapping[Stage, Spent]) -> dict[str, object]:
    return {
        stage: {"cpu_seconds": spent.cpu_seconds, "wall_seconds": spent.wall_seconds}
        for stage, spent in stages.items()
    }


def _projection(projection: Projection, hours: float | None) -> dict[str, object]:
    return {
        "wall_seconds_per_hour": projection.wall_seconds,
        "cpu_seconds_per_hour": projection.cpu_seconds,
        "workers": projection.workers,
        "seconds_per_hour": projection.seconds,
        "hours": hours,
        "seconds": None if hours is None else projection.take_seconds(hours),
    }
