"""How the launchers of one graph tell each other how their hosts are."""
