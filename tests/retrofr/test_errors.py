"""Every error has its own exit code and survives a trip through another process."""

from __future__ import annotations

import pickle

import pytest

from retrofr import errors

CODES = {
    "RetrofrError": 70,
    "UsageError": 2,
    "SettingsError": 2,
    "ProbeError": 2,
    "ExhibitError": 3,
    "IntegrityError": 4,
    "CaseError": 5,
    "CaseBusyError": 5,
    "ModelError": 6,
    "WeightsError": 6,
    "OutputError": 7,
    "RefusedError": 8,
    "GrowingError": 8,
}


def test_the_table_names_every_error() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert classes == set(CODES)


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_exit_codes_and_pickling(name: str, code: int) -> None:
    error = getattr(errors, name)("is broken", subject="a.mp4", hint="mend it")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.exit_code, str(again)) == (type(error), code, "a.mp4: is broken\nmend it")
