"""The report of a study, collected for the terminal and the page."""
