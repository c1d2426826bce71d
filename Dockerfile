FROM python:3.11-slim

COPY setup.cfg pyproject.toml README.rst LICENSE /opt/dataflow/
COPY dataflow /opt/dataflow/dataflow
RUN pip install --no-cache-dir /opt/dataflow

# Workflows are imported from the working directory, where script/docker-run mounts the caller's.
RUN useradd --create-home --home-dir /workflows dataflow
USER dataflow
WORKDIR /workflows
ENTRYPOINT ["dataflow"]
