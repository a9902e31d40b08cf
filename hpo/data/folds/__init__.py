"""Which fold a row is in."""
