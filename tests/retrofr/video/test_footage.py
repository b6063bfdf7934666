from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.errors import ExhibitError, RefusedError, UsageError
from retrofr.results import Unsearched
from retrofr.video.footage import find_footage, natural_key, printable


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    folder = tmp_path / "footage"
    names = ["cam10/a.mp4", "cam2/b.dav", "cam2/a.mp4", "CAM3/x", "z.264", "notes.txt", "cam2/still.JPG"]
    for name in [*names, ".hidden.mp4", ".trash/old.mp4"]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def names(*paths: str | Path) -> list[str]:
    return [file.name for file in find_footage(paths).files]


def test_a_folder_is_searched_in_natural_order_without_hidden_files(footage: Path) -> None:
    found = find_footage([footage])
    assert [file.name for file in found.files] == [
        "z.264",
        "cam2/a.mp4",
        "cam2/b.dav",
        "CAM3/x",
        "cam10/a.mp4",
    ]
    assert [file.path for file in found.files][1] == footage / "cam2" / "a.mp4"
    assert found.ignored == ("notes.txt", "cam2/still.JPG")
    assert found.unreadable == ()


def test_a_named_file_is_always_tried_and_order_is_kept(footage: Path) -> None:
    assert names(footage / "z.264", footage / "notes.txt", str(footage / "cam2" / "a.mp4")) == [
        "z.264",
        "notes.txt",
        "a.mp4",
    ]


def test_nothing_is_searched_twice(footage: Path) -> None:
    (footage / "cam2" / "link.mp4").symlink_to(footage / "z.264")
    (footage / "loop").symlink_to(footage)
    assert names(footage, footage, footage / "z.264", footage / "cam2") == names(footage)
    assert len(names(footage)) == 5


def test_a_link_to_a_file_is_fine(footage: Path, tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(footage / "z.264")
    assert names(tmp_path / "link.mp4") == ["link.mp4"]


def test_names_that_differ_only_in_folder_get_their_folder(footage: Path) -> None:
    assert names(footage / "cam10" / "a.mp4", footage / "cam2" / "a.mp4", footage / "z.264") == [
        "cam10/a.mp4",
        "cam2/a.mp4",
        "z.264",
    ]
    other = footage.parent / "more" / "cam2" / "a.mp4"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"y")
    assert names(footage / "cam2" / "a.mp4", other) == ["footage/cam2/a.mp4", "more/cam2/a.mp4"]
    assert names(footage, footage.parent / "more")[-1] == "more/cam2/a.mp4"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("cam*/a.mp4", ["cam2/a.mp4", "cam10/a.mp4"]),
        ("**/*.mp4", ["cam2/a.mp4", "cam10/a.mp4"]),
        ("*", ["cam2/a.mp4", "cam2/b.dav", "cam10/a.mp4", "CAM3/x", "z.264"]),
        ("cam?", ["cam2/a.mp4", "cam2/b.dav"]),
        ("cam2/[ab].*", ["a.mp4", "b.dav"]),
        ("**", ["CAM3/x", "cam10/a.mp4", "cam2/a.mp4", "cam2/b.dav", "z.264"]),
    ],
)
def test_patterns(footage: Path, pattern: str, expected: list[str]) -> None:
    assert sorted(name.split("footage/")[-1] for name in names(f"{footage}/{pattern}")) == sorted(expected)


def test_patterns_leave_out_what_is_not_video_by_name(footage: Path) -> None:
    found = find_footage([f"{footage}/*"])
    assert set(found.ignored) == {"notes.txt", "cam2/still.JPG"}


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "cam[1].mp4").write_bytes(b"x")
    assert names(tmp_path / "cam[1].mp4") == ["cam[1].mp4"]


def test_nothing_given() -> None:
    with pytest.raises(UsageError) as error:
        find_footage([])
    assert str(error.value) == "no footage given\nname at least one video file or a folder of them"
    assert error.value.exit_code == 2


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    with pytest.raises(UsageError) as error:
        find_footage([gone])
    assert str(error.value) == f"{gone}: does not exist\ncheck the spelling and the current folder"
    (tmp_path / "dangling.mp4").symlink_to(gone)
    with pytest.raises(UsageError, match="is a link to something that does not exist"):
        find_footage([tmp_path / "dangling.mp4"])
    with pytest.raises(UsageError) as error:
        find_footage([f"{tmp_path}/*.avi"])
    assert (
        str(error.value) == f"{tmp_path}/*.avi: nothing fits this pattern\n** stands for any depth of folders"
    )


def test_a_folder_without_footage_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        find_footage([tmp_path])
    assert error.value.reason == "this folder holds no footage"
    assert error.value.hint == "it is empty, hidden files and folders aside"
    for name in ["a.txt", "b.csv", "c.jpg", "d.pdf"]:
        (tmp_path / name).touch()
    with pytest.raises(UsageError) as error:
        find_footage([tmp_path])
    expected = (
        "what is in it is not video by its name (a.txt, b.csv, c.jpg, …); name a file itself to have it tried"
    )
    assert error.value.hint == expected
    with pytest.raises(UsageError, match="no footage fits this pattern"):
        find_footage([f"{tmp_path}/*.txt"])
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "me").symlink_to(tmp_path / "only")
    with pytest.raises(UsageError, match="no footage in what was given"):
        find_footage([tmp_path / "only"])


@pytest.mark.parametrize("text", ["http://host/live.mp4", "rtsp://10.0.0.1/stream", "file:///a.mp4"])
def test_requirement_05_addresses_are_refused(text: str) -> None:
    with pytest.raises(RefusedError) as error:
        find_footage([text])
    assert str(error.value) == (
        f"{text}: is an address, not a file\nretrofr searches recorded footage only: give it files or folders"
    )
    assert error.value.exit_code == 8


@pytest.mark.parametrize(
    "text", ["/dev/null", "/dev/video0", "/dev/stdin", "/dev/../dev/zero", "/proc/self/fd/0"]
)
def test_requirement_05_devices_are_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="is a device"):
        find_footage([text])


def test_requirement_05_standard_input_pipes_and_sockets_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RefusedError, match="standard input is not a recorded file"):
        find_footage(["-"])
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(RefusedError, match="is a pipe"):
        find_footage([tmp_path / "pipe.mp4"])
    (tmp_path / "null.mp4").symlink_to("/dev/null")
    with pytest.raises(RefusedError, match="is a device"):
        find_footage([tmp_path / "null.mp4"])
    monkeypatch.chdir(tmp_path)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.mp4")
        with pytest.raises(RefusedError, match="is a socket"):
            find_footage(["s.mp4"])


def test_in_a_folder_pipes_are_ignored_and_broken_links_reported(footage: Path) -> None:
    os.mkfifo(footage / "pipe.mp4")
    (footage / "lost.mp4").symlink_to(footage / "gone.mp4")
    found = find_footage([footage])
    assert "pipe.mp4" in found.ignored
    assert found.unreadable == (
        Unsearched("lost.mp4", "cannot be reached (a link to something that does not exist)"),
    )
    assert len(found.files) == 5


def refuse_listing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make one folder unlistable; permissions would not do it where tests run as root."""
    listing = Path.iterdir

    def iterdir(self: Path) -> object:
        if self == folder:
            raise PermissionError(13, "Permission denied")
        return listing(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)


def test_a_folder_that_cannot_be_listed_does_not_vanish(
    footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_listing(monkeypatch, footage / "cam2")
    found = find_footage([footage])
    assert [file.name for file in found.files] == ["z.264", "CAM3/x", "cam10/a.mp4"]
    assert found.unreadable == (
        Unsearched(
            "footage/cam2",
            "this folder cannot be listed (Permission denied), so nothing in it was searched",
            "change its permissions, or run as a user who may read it",
        ),
    )
    with pytest.raises(ExhibitError, match="cam2: this folder cannot be listed") as error:
        find_footage([footage / "cam2"])
    assert error.value.exit_code == 3


@pytest.mark.usefixtures("permissions_hold")
def test_permissions_of_real_folders(footage: Path) -> None:
    (footage / "cam2").chmod(0)
    try:
        assert len(find_footage([footage]).unreadable) == 1
    finally:
        (footage / "cam2").chmod(0o755)


def test_names_are_printable(tmp_path: Path) -> None:
    for name in [b"a\x1b[31m.mp4", b"a\xff.mp4", b"a\xfe.mp4"]:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    shown = names(tmp_path)
    assert len(set(shown)) == 3
    assert all(name.isprintable() for name in shown)
    assert "a\N{REPLACEMENT CHARACTER}.mp4" in shown


@settings(deadline=None)
@given(st.text())
def test_printable_is_printable_and_keeps_what_is(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(text) == text or not text.isprintable()


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=2))
def test_numbers_in_names_are_ordered_by_value(numbers: list[int]) -> None:
    assert sorted((f"cam{n}.mp4" for n in numbers), key=natural_key) == [
        f"cam{n}.mp4" for n in sorted(numbers)
    ]


@settings(deadline=None)
@given(st.lists(st.text(max_size=8)))
def test_natural_order_is_the_same_whatever_the_order_before(texts: list[str]) -> None:
    turned = list(reversed(texts))
    assert sorted(texts, key=natural_key) == sorted(turned, key=natural_key)


def test_a_program_in_a_folder_is_tried_tentatively(footage: Path) -> None:
    (footage / "cam2" / "Player.EXE").write_bytes(b"x")
    found = find_footage([footage])
    assert [file.name for file in found.files if file.tentative] == ["cam2/Player.EXE"]
    assert "cam2/Player.EXE" not in found.ignored


def test_a_program_that_is_named_is_meant(footage: Path) -> None:
    program = footage / "cam2" / "clip.exe"
    program.write_bytes(b"x")
    assert [file.tentative for file in find_footage([program]).files] == [False]
    found = find_footage([footage, program])
    assert [file.name for file in found.files].count("cam2/clip.exe") == 1
    assert not any(file.tentative for file in found.files)


def test_archives_are_ignored_and_told_apart(footage: Path) -> None:
    for name in ("cam2/export.ZIP", "backup.7z"):
        (footage / name).write_bytes(b"x")
    found = find_footage([footage])
    assert found.archives == ("backup.7z", "cam2/export.ZIP")
    assert set(found.archives) < set(found.ignored)
