"""Passes that fail."""

from __future__ import annotations

from hpo.states.passes import Pass


def second_pass_raises(monkeypatch, error):
    """Make every pass after the first raise an error."""
    runs, run = [], Pass.run

    def second_fails(self, *args):
        runs.append(self)
        if len(runs) > 1:
            raise error
        return run(self, *args)

    monkeypatch.setattr(Pass, "run", second_fails)
