"""Scores: what is exact from moments, and scikit-learn's scorers on sampled rows."""
