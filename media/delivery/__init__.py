"""Frames from a splitter to its folder: each once and whole, as many as the budget lets wait there."""
