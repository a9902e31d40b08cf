"""Searches with scikit-learn's names and habits, answered from states."""
