"""The page: a running graph in a browser, served by a process of its own."""
