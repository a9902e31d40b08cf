"""Small dense problems, solved from a Gram matrix."""
