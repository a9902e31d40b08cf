"""Diagnostics of decompositions: how much of the variance each component explains, and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studies.report.diagnosed import Components

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MOST_COMPONENTS, LOADED, MOST_COLUMNS = 60, 4, 12


def components(model: Pipeline) -> Components | None:
    """Return what the components of a fitted decomposition explain; None where its last step does not say.

    Parameters
    ----------
    model : the whole pipeline, which knows the names of its columns.
    """
    last = model[-1]
    shares, vectors = (getattr(last, name, None) for name in ("explained_variance_ratio_", "components_"))
    if shares is None or vectors is None:
        return None
    names, vectors = model[:-1].get_feature_names_out(), np.asarray(vectors, np.float64)
    if names is None or vectors.shape[1] != len(names):
        return None
    first = vectors[:LOADED]
    columns = np.argsort(-np.abs(first).max(axis=0), kind="stable")[:MOST_COLUMNS]
    return Components(
        np.asarray(shares, np.float64)[:MOST_COMPONENTS].tolist(), [str(names[j]) for j in columns],
        first[:, columns].tolist(),
    )  # fmt: skip
