"""What is asked: the search, the scores, the folds, and whether the data suits them."""
