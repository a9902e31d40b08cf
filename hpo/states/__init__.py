"""What is known of the data: what is learned beforehand, the passes, and states by fold."""
