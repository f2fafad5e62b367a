"""A network of several hosts on this machine, as `hosts.py` makes it, and what goes wrong in one: `faults.py`."""
