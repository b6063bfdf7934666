from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.errors import ExhibitError, IntegrityError
from retrofr.hash_lists import Expected
from retrofr.integrity import CHUNK_BYTES, check_as_listed, digest_file, sha256_bytes, sha256_file

# FIPS 180-2, appendix B.1, and the empty message.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_digests_are_those_of_the_standard(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    (tmp_path / "empty").touch()
    assert sha256_file(tmp_path / "abc") == ABC == sha256_bytes(b"abc")
    assert sha256_file(str(tmp_path / "empty")) == EMPTY == sha256_bytes(b"")


@settings(deadline=None)
@given(extra=st.integers(min_value=-2, max_value=2), pieces=st.integers(min_value=1, max_value=3))
def test_file_and_bytes_agree_around_the_size_of_a_piece(
    tmp_path_factory: pytest.TempPathFactory, extra: int, pieces: int
) -> None:
    content = os.urandom(16) * (CHUNK_BYTES // 16) * pieces
    content = content + b"x" * extra if extra >= 0 else content[:extra]
    path = tmp_path_factory.mktemp("digest") / "file"
    path.write_bytes(content)
    seen: list[int] = []
    assert sha256_file(path, seen.append) == sha256_bytes(content)
    assert seen[-1] == len(content)
    assert seen == sorted(set(seen))


def test_unreadable_files_say_why(tmp_path: Path) -> None:
    with pytest.raises(ExhibitError) as missing:
        sha256_file(tmp_path / "gone.mp4")
    assert str(missing.value) == f"{tmp_path / 'gone.mp4'}: cannot be read (No such file or directory)"
    with pytest.raises(ExhibitError, match="Is a directory"):
        sha256_file(tmp_path)


def test_several_digests_come_from_one_reading(tmp_path: Path) -> None:
    content = os.urandom(CHUNK_BYTES + 1)
    (tmp_path / "file").write_bytes(content)
    seen: list[int] = []
    digests = digest_file(tmp_path / "file", ("sha256", "md5", "sha1", "sha512", "sha256"), seen.append)
    assert digests == {
        name: hashlib.new(name, content).hexdigest() for name in ("sha256", "md5", "sha1", "sha512")
    }
    assert seen == [CHUNK_BYTES, CHUNK_BYTES + 1]


def test_requirement_08_digesting_leaves_a_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    os.utime(path, ns=(1, 2))
    path.chmod(0o400)
    before = path.stat()
    digest_file(path, ("sha256", "md5"))
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_size) == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_size,
    )


def test_a_file_as_listed_says_where_it_is_listed() -> None:
    listed = Expected("sha256", ABC, 3, "hashes.txt", "cam1.mp4")
    assert check_as_listed("cam1.mp4", {"sha256": ABC}, listed) == "sha256 as in hashes.txt, line 3"


def test_another_file_than_listed_names_both_digests() -> None:
    listed = Expected("sha256", ABC, 3, "hashes.txt", "cam1.mp4")
    with pytest.raises(IntegrityError) as caught:
        check_as_listed("cam1.mp4", {"sha256": EMPTY, "md5": ABC}, listed)
    assert str(caught.value) == (
        f"cam1.mp4: its sha256 is {EMPTY}, and hashes.txt, line 3, says {ABC}\n"
        "it is another file, or was altered after the list was made; obtain it again from its source"
    )
    assert caught.value.exit_code == 4
