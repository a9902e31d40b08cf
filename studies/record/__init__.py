"""Where studies are kept, begun and taken up again."""
