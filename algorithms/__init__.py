"""What can be learned: summaries, solvers and models. Knows no data format and no store."""
