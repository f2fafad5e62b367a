"""How a running graph is, for people and for programs."""
