"""What is learned before a pass: the pilot, the labels of a target, what summaries must know, what folds deal."""
