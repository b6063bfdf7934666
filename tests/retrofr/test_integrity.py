from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.errors import ExhibitError
from retrofr.integrity import CHUNK_BYTES, sha256_bytes, sha256_file

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
