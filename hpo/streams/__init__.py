"""Studies of rows that arrive once and are not kept."""
