"""Calibration, cost and bounds agree with lir, the package of the Netherlands Forensic Institute."""

from __future__ import annotations

import numpy as np
import pytest
from lir.algorithms.bayeserror import elub as lir_elub
from lir.algorithms.isotonic_regression import IsotonicCalibrator
from lir.algorithms.kde import KDECalibrator
from lir.algorithms.logistic_regression import LogitCalibrator
from lir.data.models import LLRData
from lir.metrics import cllr as lir_cllr
from lir.metrics import cllr_cal as lir_cllr_cal
from lir.metrics import cllr_min as lir_cllr_min

from retrofr.calibration.bounds import elub
from retrofr.calibration.cllr import cllr, cllr_cal, cllr_min
from retrofr.calibration.likelihood import fit_isotonic, fit_kde, fit_logistic, kde_llr
from retrofr.rates.comparisons import Mask, Scores

EXACT = {"abs": 1e-6, "rel": 1e-6}


def made(seed: int, mated: int = 300, non_mated: int = 2500, apart: float = 3.0) -> tuple[Scores, Mask]:
    random = np.random.default_rng(seed)
    scores = np.concatenate([random.normal(apart, 1.3, mated), random.normal(0, 1, non_mated)])
    return scores, np.arange(len(scores)) < mated


@pytest.fixture(params=[0, 1, 2])
def data(request: pytest.FixtureRequest) -> tuple[Scores, Mask]:
    return made(request.param, apart=[3.0, 1.0, 5.0][request.param])


def test_requirement_17_the_cost_of_ratios(data: tuple[Scores, Mask]) -> None:
    llrs, mated = data
    theirs = LLRData(features=llrs, labels=mated.astype(int))
    assert cllr(llrs[mated], llrs[~mated]) == pytest.approx(lir_cllr(theirs), **EXACT)
    assert cllr_min(llrs[mated], llrs[~mated]) == pytest.approx(lir_cllr_min(theirs), **EXACT)
    assert cllr_cal(llrs[mated], llrs[~mated]) == pytest.approx(lir_cllr_cal(theirs), **EXACT)


def test_the_cost_of_infinite_ratios() -> None:
    llrs, labels = np.array([np.inf, 1.0, -np.inf, -1.0]), np.array([1, 1, 0, 0])
    assert cllr(llrs[:2], llrs[2:]) == pytest.approx(lir_cllr(LLRData(features=llrs, labels=labels)), **EXACT)


def test_logistic_regression(data: tuple[Scores, Mask]) -> None:
    scores, mated = data
    theirs = LogitCalibrator(tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(
        scores, mated.astype(int)
    )
    at = np.linspace(-6, 9, 50)
    np.testing.assert_allclose(fit_logistic(scores, mated).llr(at), theirs.transform(at), atol=1e-6)


def test_requirement_17_isotonic_regression(data: tuple[Scores, Mask]) -> None:
    scores, mated = data
    scores = np.round(scores, 2)  # some are equal
    theirs = IsotonicCalibrator(add_misleading=1).fit(scores, mated.astype(int))
    at = np.concatenate([np.linspace(-6, 9, 500), scores])
    np.testing.assert_allclose(fit_isotonic(scores, mated).llr(at), theirs.transform(at), atol=1e-6)


def test_kernel_densities(data: tuple[Scores, Mask]) -> None:
    scores, mated = data
    theirs = KDECalibrator(bandwidth="silverman").fit(scores, mated.astype(int))
    at = np.linspace(scores.min(), scores.max(), 301)
    np.testing.assert_allclose(kde_llr(scores, mated, at), theirs.transform(at), atol=1e-6)
    # The table that is kept goes straight between its points, and never falls: among few scores the quotient may,
    # and then it lies between the highest before and the lowest after.
    inner = np.linspace(scores.min(), scores.max(), 2001)
    ratios = theirs.transform(inner)
    rising = (np.maximum.accumulate(ratios) + np.minimum.accumulate(ratios[::-1])[::-1]) / 2
    np.testing.assert_allclose(fit_kde(scores, mated).llr(inner), rising, atol=1e-2)
    assert (np.diff(fit_kde(scores, mated).llr(at)) >= 0).all()


def test_many_scores_are_counted_into_bins_first() -> None:
    scores, mated = made(5, mated=6000, non_mated=20_000)
    theirs = KDECalibrator(bandwidth="silverman").fit(scores, mated.astype(int))
    at = np.linspace(-3, 6, 101)
    np.testing.assert_allclose(kde_llr(scores, mated, at), theirs.transform(at), atol=1e-4)


def test_requirement_17_bounds(data: tuple[Scores, Mask]) -> None:
    scores, mated = data
    llrs = fit_logistic(scores, mated).llr(scores)
    theirs = lir_elub(llrs.copy(), mated.astype(int))
    assert elub(llrs[mated], llrs[~mated]) == pytest.approx(theirs, abs=1e-6)


def test_bounds_of_ratios_that_mislead_or_are_infinite() -> None:
    random = np.random.default_rng(3)
    for mated, non_mated in [
        (random.normal(2, 1, 60), random.normal(-2, 1, 900)),
        (random.normal(-1, 1, 60), random.normal(1, 1, 90)),
        (np.array([np.inf, 3.0]), np.array([-np.inf, -2.0, 0.5])),
        (np.full(30, 8.0), np.full(3000, -8.0)),
    ]:
        llrs = np.concatenate([mated, non_mated])
        theirs = lir_elub(llrs.copy(), (np.arange(len(llrs)) < len(mated)).astype(int))
        assert elub(mated, non_mated) == pytest.approx(theirs, abs=1e-6)
