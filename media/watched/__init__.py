"""A watched folder: which files in it are ready, who has claimed them, and what becomes of them."""
