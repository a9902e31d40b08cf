"""A plugin of pytest's that puts our searches in the place of scikit-learn's before its tests are imported."""

from __future__ import annotations

import sklearn.model_selection as public
import sklearn.model_selection._search as private

import hpo

for module in (public, private):
    module.GridSearchCV = hpo.StateGridSearchCV
    module.RandomizedSearchCV = hpo.StateRandomizedSearchCV
