# The launcher in a container: docs/machines.md says how to build and run it.
ARG BASE=python:3.12-slim
FROM ${BASE}
# Programs beyond pip, e.g. --build-arg PACKAGES="gstreamer1.0-tools gstreamer1.0-plugins-good"
ARG PACKAGES=
RUN test -z "$PACKAGES" || (apt-get update && apt-get install -y --no-install-recommends $PACKAGES && rm -rf /var/lib/apt/lists/*)
WORKDIR /opt/frames
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN python -m compileall -q .
WORKDIR /graph
# Nobody in particular; docker run --user names who owns the folder that is mounted here.
USER 1000:1000
ENTRYPOINT ["python", "/opt/frames/launcher.py"]
CMD ["graph.yaml"]
