"""The mechanisms, broken one by one: `python -m tests.mutants` shows which test catches each."""
