"""The fault campaign: `python -m tests.chaos` kills, stops and restarts what runs a real graph, and audits it."""
