"""What a container is like inside: where things lie, who runs there, how it is asked how it is, how it ends."""

CODE, GRAPH = "/opt/frames", "/graph"  # where the image has this project (see Dockerfile), and the graph's folder
FILE = f"{GRAPH}/graph.yaml"  # however the graph's file is called
RUN, SCRATCH = "/run/frames", "/tmp"  # noqa: S108 (the container's own)
ENVIRONMENT = {"XDG_RUNTIME_DIR": RUN, "XDG_CACHE_HOME": f"{SCRATCH}/cache", "HOME": SCRATCH}
LAUNCHER = ("python", f"{CODE}/launcher.py")
PROBE = ("python", "-I", f"{CODE}/host/probe.py")
USER = 10001  # nobody in particular: where no owner of files asks for another
STOP = 20  # seconds: more than the launcher takes from the wish to stop until nothing is left
RESTARTS = 5  # of a container whose launcher has failed, as of a service under systemd
IMAGE = "frames"  # as it is called where it is built of this project
