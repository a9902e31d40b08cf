"""What is asked: descriptions of studies, read, checked and written."""
