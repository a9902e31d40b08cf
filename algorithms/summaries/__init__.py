"""What one pass keeps, one summary a file."""
