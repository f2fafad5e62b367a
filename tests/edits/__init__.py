"""A graph that is edited again and again while frames flow: `python -m tests.edits --edits=200 --seed=1`."""
