"""What graph.yaml says, and every mistake in it."""
