"""What the headers of a file tell, what is wrapped around it, and whether it is encrypted or cut off."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

import clips
from retrofr.errors import ExhibitError
from retrofr.notes import ExhibitNotes
from retrofr.video.container import (
    ENCRYPTED,
    as_exhibit,
    is_mere_program,
    open_exhibit,
    read_container,
    reopen_stream,
)
from retrofr.video.facts import ContainerFacts
from retrofr.video.footage import FootageFile

KEY = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "00112233445566778899aabbccddeeff",
    "encryption_kid": "112233445566778899aabbccddeeff00",
}
PAYLOAD_STARTS = 0x40


def facts_of(path: Path) -> ContainerFacts:
    return read_container(path, path.name)


def test_the_facts_of_a_stream_travel_between_processes(tmp_path: Path) -> None:
    path = clips.make_clip(
        tmp_path / "a.mp4", frames=50, pixel_aspect=Fraction(16, 11), b_frames=2, sound=True
    )
    facts = pickle.loads(pickle.dumps(facts_of(path)))
    (stream,) = facts.streams
    assert (facts.format, facts.long_name) == ("mov,mp4,m4a,3gp,3g2,mj2", "QuickTime / MOV")
    assert facts.others == ("sound (aac)",)
    assert facts.refusal is None
    assert facts.problems == facts.notices == facts.origins == ()
    assert (stream.stream.codec, stream.profile, stream.pixel_format) == ("h264", "High", "yuv420p")
    assert (stream.bit_depth, stream.full_range, stream.reordered) == (8, False, True)
    assert (stream.pixel_aspect, stream.declared_frames) == (Fraction(16, 11), 50)
    assert ("handler_name", "VideoHandler") in stream.tags


def test_a_bare_streams_own_rate_is_told_beside_the_assumed_one(tmp_path: Path) -> None:
    (stream,) = facts_of(clips.make_clip(tmp_path / "a.h264", container="h264", rate=Fraction(25, 2))).streams
    assert stream.stream.average_rate == 25
    assert stream.codec_rate == Fraction(25, 2)


def test_field_order_and_full_range(tmp_path: Path) -> None:
    options = {"flags": "+ildct+ilme", "x264-params": "tff=1:threads=1"}
    (woven,) = facts_of(clips.make_clip(tmp_path / "a.mkv", options=options)).streams
    assert woven.field_order == "interlaced, top field first"
    (full,) = facts_of(clips.make_clip(tmp_path / "b.avi", codec="mjpeg", pixel_format="yuvj420p")).streams
    assert full.full_range


# ---- clocks --------------------------------------------------------------------------------------------------


def test_creation_time_is_a_hint_with_its_zone(tmp_path: Path) -> None:
    path = clips.make_clip(
        tmp_path / "cam_20240330_171105.mp4", metadata={"creation_time": "2024-03-30T18:11:05Z"}
    )
    (origin,) = facts_of(path).origins
    assert origin.at == datetime(2024, 3, 30, 18, 11, 5, tzinfo=UTC)
    assert origin.kind == "creation time"
    clock = open_exhibit(FootageFile(path, "a.mp4")).clock
    assert clock.source == "file name"
    assert clock.hints == (origin,)


@pytest.mark.parametrize("never_set", ["1970-01-01T00:00:00Z", "2124-01-01T00:00:00Z", "yesterday"])
def test_a_clock_that_was_never_set_is_none(tmp_path: Path, never_set: str) -> None:
    assert facts_of(clips.make_clip(tmp_path / "a.mkv", metadata={"date": never_set})).origins == ()


def test_a_dahua_recording_brings_its_recorders_clock(tmp_path: Path) -> None:
    start = datetime(2024, 3, 31, 0, 59, 55)
    (origin,) = facts_of(clips.make_dav(tmp_path / "a.dav", start=start)).origins
    assert (origin.at, origin.kind) == (start, "recorder clock")


def test_what_the_examiner_knows_goes_before_the_file(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "cam_20240330_171105.mp4")
    notes = ExhibitNotes(start=datetime(2024, 3, 30, 17, 4), start_source="given", camera="door")
    exhibit = open_exhibit(FootageFile(path, "a.mp4"), notes=notes)
    assert (exhibit.clock.origin.at, exhibit.camera) == (datetime(2024, 3, 30, 17, 4), "door")


# ---- encryption ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["", "+frag_keyframe+empty_moov"])
def test_an_encrypted_mp4_is_refused(tmp_path: Path, flags: str) -> None:
    options = KEY | ({"movflags": flags} if flags else {})
    path = clips.make_clip(tmp_path / "a.mp4", container_options=options)
    facts = facts_of(path)
    assert facts.refusal == ENCRYPTED
    assert [stream.encrypted for stream in facts.streams] == [True]
    with pytest.raises(ExhibitError) as error:
        open_exhibit(FootageFile(path, "a.mp4"))
    assert error.value.reason == "its video is encrypted, so none of it could be searched"
    exhibit = as_exhibit(FootageFile(path, "a.mp4"), facts, "0" * 64, path.stat().st_size)
    with pytest.raises(ExhibitError, match="is encrypted"):
        reopen_stream(exhibit, 0)


def scramble(path: Path, *, content: bool) -> Path:
    """Set the scrambling bits of an MPEG-TS clip's video, and with ``content`` turn its payload to noise."""
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 188):
        if (data[at + 1] & 0x1F) << 8 | data[at + 2] != 256:
            continue
        data[at + 3] |= 0x80
        if content:
            start = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
            data[start : at + 188] = bytes(
                byte ^ (37 * n % 251 + 1) for n, byte in enumerate(data[start : at + 188])
            )
    path.write_bytes(bytes(data))
    return path


def test_a_scrambled_transport_stream_is_refused(tmp_path: Path) -> None:
    path = scramble(clips.make_clip(tmp_path / "a.ts", container="mpegts"), content=True)
    assert facts_of(path).refusal == ENCRYPTED


def test_scrambling_bits_alone_do_not_make_a_stream_encrypted(tmp_path: Path) -> None:
    path = scramble(clips.make_clip(tmp_path / "a.ts", container="mpegts"), content=False)
    facts = facts_of(path)
    assert facts.refusal is None
    assert not facts.streams[0].encrypted


def test_noise_is_told_from_other_unknown_bytes(tmp_path: Path) -> None:
    from random import Random

    path = tmp_path / "a.mp4"
    path.write_bytes(Random(1).randbytes(1 << 17))
    with pytest.raises(ExhibitError) as error:
        facts_of(path)
    assert error.value.reason == "is not a video that can be decoded"
    assert error.value.hint is not None
    assert error.value.hint.startswith("its bytes are as evenly spread as those of an encrypted file")
    path.write_bytes(bytes(range(256)) * 512)
    with pytest.raises(ExhibitError) as error:
        facts_of(path)
    assert error.value.hint == "no known container was recognised in it"


# ---- what is wrapped around a recording ----------------------------------------------------------------------

FILLER = bytes(range(256)) * 8
PROGRAM = b"MZ\x90\0" + FILLER + b"DHAV IMKH RIFF ftyp"


def wrapped(path: Path, clip: Path, front: bytes) -> Path:
    path.write_bytes(front + clip.read_bytes())
    return path


def test_a_carved_stream_says_where_it_starts(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "clip", container="h264")
    path = wrapped(tmp_path / "a.h264", clip, b"JUNK" + FILLER)
    assert facts_of(path).notices == (
        f"container unknown, carved: the stream starts at byte {4 + len(FILLER)}; "
        "what is before it was not read",
    )
    assert facts_of(clip).notices == ()


def test_a_program_with_video_inside(tmp_path: Path) -> None:
    path = wrapped(tmp_path / "a.exe", clips.make_clip(tmp_path / "clip", container="h264"), PROGRAM)
    assert facts_of(path).notices == (
        "a program (.exe) with video inside, as recorders export it to play itself; "
        f"its video starts at byte {len(PROGRAM)}",
    )


def test_a_container_that_is_read_as_a_bare_stream_is_noticed(tmp_path: Path) -> None:
    clip = clips.make_dav(tmp_path / "clip.dav", start=datetime(2024, 3, 31))
    facts = facts_of(wrapped(tmp_path / "a.exe", clip, PROGRAM))
    assert facts.format == "h264"
    assert facts.notices[1] == (
        f"what looks like a Dahua recording (DHAV) begins at byte {len(PROGRAM)}: read as a bare stream "
        "it has no times; a copy from there on has them"
    )


@pytest.mark.parametrize(("ending", "kind"), [("mp4", "an MP4 file"), ("mkv", "a Matroska file")])
def test_a_recording_in_a_program_that_cannot_be_read_in_place(
    tmp_path: Path, ending: str, kind: str
) -> None:
    path = wrapped(tmp_path / "a.exe", clips.make_clip(tmp_path / f"clip.{ending}"), PROGRAM)
    with pytest.raises(ExhibitError) as error:
        facts_of(path)
    assert error.value.reason == "is a program with a recording inside that cannot be read in place"
    assert error.value.hint == (
        f"what looks like {kind} begins at byte {len(PROGRAM)} in it; a copy from there on may be readable"
    )
    assert not is_mere_program(FootageFile(path, "a.exe", tentative=True), error.value)


def test_a_mere_program(tmp_path: Path) -> None:
    path = tmp_path / "player.exe"
    path.write_bytes(PROGRAM)
    with pytest.raises(ExhibitError) as error:
        facts_of(path)
    assert error.value.reason == "is a program without video that can be decoded"
    assert is_mere_program(FootageFile(path, "player.exe", tentative=True), error.value)
    assert not is_mere_program(FootageFile(path, "player.exe"), error.value)


def test_a_hikvision_header(tmp_path: Path) -> None:
    clip = clips.make_clip(tmp_path / "clip", container="vob")
    facts = facts_of(wrapped(tmp_path / "a.mp4", clip, b"IMKH" + bytes(36)))
    assert facts.format == "mpeg"
    assert facts.notices == (
        "Hikvision private header (IMKH) in front of the stream; what it holds is not read",
    )


# ---- the end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "options"), [("mp4", {"movflags": "+faststart"}), ("avi", {}), ("mkv", {})]
)
def test_a_file_that_is_cut_off_says_by_how_much(
    tmp_path: Path, ending: str, options: dict[str, str]
) -> None:
    path = clips.make_clip(tmp_path / f"a.{ending}", container_options=options)
    assert facts_of(path).problems == ()
    path.write_bytes(path.read_bytes()[:-1234])
    assert facts_of(path).problems == (
        "the file is cut off: by its own structure it lacks 1,234 bytes at its end",
    )


def test_a_transport_stream_that_ends_inside_a_packet(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.ts", container="mpegts")
    assert facts_of(path).problems == ()
    path.write_bytes(path.read_bytes()[:-100])
    assert facts_of(path).problems == ("the file is cut off: its last packet is not complete",)
