"""Whether two settings differ by more than chance, by their scores on the same folds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import stdtr

from studies.record.standard_error import standard_error


def corrected(gaps: Sequence[float], shared: float) -> tuple[float, float | None, float | None]:
    """Return the mean of K paired differences, its standard error, and p of the corrected resampled t-test.

    The variance of the mean is (1/K + n_test/n_train)·s², since training rows are shared (Nadeau & Bengio 2003,
    "Inference for the generalization error", eq. 9), with K - 1 degrees of freedom. The test is two-sided, and its
    null is that both are equally good.

    Parameters
    ----------
    gaps : one score less the other, fold by fold; not empty.
    shared : test rows by training rows, on average over the folds.

    Returns
    -------
    mean, error, p : in the units of the scores, and a probability; None where the folds do not tell.

    Examples
    --------
    >>> mean, error, p = corrected([0.1, 0.2, 0.3], 0.5)
    >>> round(mean, 6), round(error, 6), round(p, 6)
    (0.2, 0.091287, 0.159832)
    >>> corrected([0.0, 0.0], 1.0), corrected([0.5], 1.0)
    ((0.0, 0.0, 1.0), (0.5, None, None))
    """
    mean, error = math.fsum(gaps) / len(gaps), standard_error(gaps, shared)
    if error is None or not math.isfinite(error):
        return mean, None, None
    if error == 0.0:
        return mean, error, 1.0 if mean == 0.0 else None
    return mean, error, float(2.0 * stdtr(len(gaps) - 1, -abs(mean) / error))
