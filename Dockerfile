FROM python:3.11-slim

COPY setup.cfg pyproject.toml README.rst LICENSE /opt/dataflow/
COPY dataflow /opt/dataflow/dataflow
RUN pip install --no-cache-dir /opt/dataflow

# Workflows are imported from the working directory, where script/docker-run mounts the caller's.
RUN useradd --create-home --home-dir /workflows dataflow
USER dataflow
WORKDIR /workflows
# As process 1, decider.start and worker.start need no other init: their supervisor passes signals on
# and reaps what is left behind.
ENTRYPOINT ["dataflow"]
