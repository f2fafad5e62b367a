"""Pools: hosts whose machines Ray gives. Ray places the replicas, and the wires carry what flows."""
