"""Which setting is tried next: spaces and samplers."""
