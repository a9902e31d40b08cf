"""The report: one page, a terminal, and the same facts as JSON and CSV."""
