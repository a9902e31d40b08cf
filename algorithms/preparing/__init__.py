"""What becomes of the columns before a model: choices that are free, since they act on states."""
