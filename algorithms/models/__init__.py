"""Finalize: how a state becomes a model, one algorithm a file."""
