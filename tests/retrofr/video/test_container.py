from __future__ import annotations

import os
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import pytest

import clips
from retrofr.errors import ExhibitError, RefusedError
from retrofr.integrity import sha256_bytes
from retrofr.records import Exhibit, VideoStream
from retrofr.video._pyav import AV_FAILURES, FORMATS
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile


def opened(path: Path) -> Exhibit:
    return open_exhibit(FootageFile(path, f"shown/{path.name}"))


def refused(path: Path) -> ExhibitError:
    with pytest.raises(ExhibitError) as error:
        opened(path)
    assert error.value.subject == f"shown/{path.name}"
    assert error.value.exit_code == 3
    return error.value


def test_the_facts_of_a_clip(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "cam1_20240330_171105.mp4", frames=50, sound=True)
    seen: list[int] = []
    exhibit = open_exhibit(FootageFile(path, "a.mp4"), seen.append)
    assert exhibit.name == "a.mp4"
    assert exhibit.path == path
    assert exhibit.sha256 == sha256_bytes(path.read_bytes())
    assert exhibit.size_bytes == path.stat().st_size == seen[-1]
    assert exhibit.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert exhibit.streams == (VideoStream(0, "h264", 320, 240, Fraction(25), Fraction(2)),)
    assert exhibit.clock.origin.at == datetime(2024, 3, 30, 17, 11, 5)
    assert exhibit.clock.source == "file name"


def test_all_video_streams_are_there(tmp_path: Path) -> None:
    exhibit = opened(clips.make_two_cameras(tmp_path / "two.mkv"))
    assert [stream.index for stream in exhibit.streams] == [0, 1]


def test_cover_art_is_not_video(tmp_path: Path, shared_data: Path) -> None:
    exhibit = opened(shared_data / "odd/mp4parse/mp4parse/tests/metadata.mp4")
    assert [stream.codec for stream in exhibit.streams] == ["h264"]


@pytest.mark.parametrize("ending", ["mkv", "avi", "ts", "mov", "asf", "flv"])
def test_other_containers(tmp_path: Path, ending: str) -> None:
    container = {"ts": "mpegts"}.get(ending)
    exhibit = opened(clips.make_clip(tmp_path / f"a.{ending}", container=container))
    assert len(exhibit.streams) == 1
    assert exhibit.streams[0].codec == "h264"


def test_the_ending_does_not_matter(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.avi").rename(tmp_path / "a.mp4")
    assert opened(path).container == "avi"


def test_a_damaged_index(shared_data: Path) -> None:
    error = refused(shared_data / "odd/mp4parse/mp4parse_capi/tests/chunk_out_of_range.mp4")
    assert error.reason == "its video index (moov) is damaged, so none of it could be searched"


def test_a_bare_stream_declares_no_duration(tmp_path: Path) -> None:
    (stream,) = opened(clips.make_clip(tmp_path / "a.h264", container="h264")).streams
    assert stream.declared_seconds is None


def test_a_cut_avi_declares_the_length_it_had(tmp_path: Path) -> None:
    (stream,) = opened(clips.cut(clips.make_clip(tmp_path / "a.avi"), 0.5)).streams
    assert stream.declared_seconds == 2


def test_the_recorders_clock_goes_before_the_file_name(tmp_path: Path) -> None:
    start = datetime(2024, 3, 31, 0, 59, 55)
    exhibit = opened(clips.make_dav(tmp_path / "cam_20200101_000000.dav", start=start))
    assert exhibit.container == "dhav"
    assert exhibit.clock.origin.at == start
    assert [hint.at for hint in exhibit.clock.hints] == [datetime(2020, 1, 1)]
    assert exhibit.clock.source == "recorder clock in the container (DHAV)"


def test_missing_index(tmp_path: Path) -> None:
    error = refused(clips.cut(clips.make_clip(tmp_path / "cam2.mp4"), 0.6))
    assert str(error) == (
        "shown/cam2.mp4: no video index (moov) in this file, so none of it could be searched\n"
        "likely a recording cut by power loss, or a copy cut short; "
        "an untruncated sibling from the same recorder can repair a copy"
    )


def test_an_index_that_is_cut_off(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", container_options={"movflags": "+faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") + 300])
    assert refused(path).reason == "its video index (moov) is cut off, so none of it could be searched"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (b"this is not a video\n" * 200, "is a text file, not a video"),
        ("überwachung\n".encode() * 100, "is a text file, not a video"),
        (b"\x00" * 5000, "begins with 4096 zero bytes, so no recording was recognised in it"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 100, "is a picture (JPEG), not footage"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "is a picture (PNG), not footage"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\x10" + b"\x00" * 100, "holds sound only, no video stream"),
        (b"PK\x03\x04" + b"\x00" * 100, "is a zip archive, not footage"),
        (b"%PDF-1.7\n" + b"\x00" * 100, "is a PDF document, not footage"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "is a Git LFS pointer, a text file that stands for the video",
        ),
        (bytes(range(256)) * 40, "is not a video that can be decoded"),
    ],
)
def test_what_is_not_video(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert refused(path).reason == reason


def test_sound_only(tmp_path: Path) -> None:
    assert refused(clips.make_sound(tmp_path / "a.mp4")).reason == "holds sound only, no video stream"


def test_an_unknown_codec_is_said(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mkv")
    data = path.read_bytes()
    assert b"V_MPEG4/ISO/AVC" in data
    path.write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_QUUX4/ISO/AVC"))
    assert refused(path).reason == "no decoder for its video"


@pytest.mark.parametrize("ending", ["mp4", "m3u8", "ffconcat", "avi"])
@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile '{target}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?>\n<MPD type="static"><Period><BaseURL>{target}</BaseURL></Period></MPD>\n',
    ],
)
def test_requirement_05_a_playlist_never_opens_another_file(
    tmp_path: Path, playlist: str, ending: str
) -> None:
    target = clips.make_clip(tmp_path / "ok.mp4")
    path = tmp_path / f"list.{ending}"
    path.write_text(playlist.format(target=target.name))
    error = refused(path)
    assert error.reason == "is a playlist, a text file that points at others; retrofr does not follow it"
    assert error.hint == "name the files that it lists"


def test_no_format_that_opens_other_files_is_allowed() -> None:
    allowed = set(FORMATS.split(","))
    assert not allowed & {
        "concat",
        "hls",
        "dash",
        "sdp",
        "rtsp",
        "imf",
        "image2",
        "webm_dash_manifest",
        "vobsub",
        "tty",
    }
    assert not {name for name in allowed if name.endswith("_pipe")}
    unknown = allowed - {part for name in av.formats_available for part in name.split(",")}
    assert not unknown - {"viv"}


def test_a_name_that_reads_like_a_protocol_is_a_file(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "plain.mp4").rename(tmp_path / "concat:a|b%20.mp4")
    assert opened(path).streams


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.mp4").reason == "does not exist any more"


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="is not a regular file"):
        opened(tmp_path)


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=2)
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything: let the system's answer be the one others get
        monkeypatch.setattr(
            Path, "open", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "denied"))
        )
    error = refused(path)
    assert error.reason == "no permission to read it"
    assert error.hint == "change its permissions, or run as a user who may read it"


def test_a_recording_that_still_grows(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.ts", container="mpegts")

    def grow(_: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(ExhibitError) as error:
        open_exhibit(FootageFile(path, "a.ts"), grow)
    assert error.value.reason == "is still being written to"


def test_odd_bytes_in_metadata_do_not_matter(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.avi", metadata={"title": "AAAAAAAA"})
    path.write_bytes(path.read_bytes().replace(b"AAAAAAAA", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe"))
    assert opened(path).streams


def test_every_error_of_av_is_expected() -> None:
    """Fails when av grows an exception that would reach the user as a bug."""
    kinds = [
        kind for kind in vars(av.error).values() if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    assert len(kinds) > 20
    assert [kind.__name__ for kind in kinds if not issubclass(kind, AV_FAILURES)] == []
