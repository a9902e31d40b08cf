"""The trials of a study: proposing, scoring, polishing, recording."""
