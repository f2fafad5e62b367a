"""Results in a folder: under which names, whole or not at all, and for how long."""
