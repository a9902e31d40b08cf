"""Bases that models share: a family is a kind of model and what its kinds have in common."""
