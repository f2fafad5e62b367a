"""A graph for containers: each node in one of its own, as a Compose file or as manifests for Kubernetes."""
