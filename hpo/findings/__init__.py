"""What a study found: the result, its curves, its importances, and how it is opened again."""
