"""An operator of its own, with keys of its own, and a log that is nobody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrofr.oversight.operators import Operator, OperatorKey, operator_key


@pytest.fixture(autouse=True)
def keys_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key store and the log of this test alone."""
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "audit"))
    monkeypatch.delenv("RETROFR_OPERATOR", raising=False)
    return tmp_path / "keys"


@pytest.fixture
def key(keys_folder: Path) -> OperatorKey:
    return operator_key(Operator("A. Smith"))
