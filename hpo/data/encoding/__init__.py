"""How rows of mixed types become numbers."""
