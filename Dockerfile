# Two images from one file:
#
#   docker build --target controller -t csi-3par-controller .
#   docker build --target node       -t csi-3par-node .
#
# The base brings Python only. 3.13 is the newest version the dependencies were measured on; the slim variant is Debian's
# C library, for which every dependency has wheels. Another base with Python >= 3.11 works, too: --build-arg BASE=...
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
RUN python -m venv /opt/csi-3par
COPY requirements/image.txt /tmp/requirements.txt
RUN /opt/csi-3par/bin/python -m pip install --no-cache-dir --no-compile -r /tmp/requirements.txt
COPY pyproject.toml /opt/csi-3par/app/pyproject.toml
COPY csi /opt/csi-3par/app/csi
# Compiled once and never compared with the sources again: the file system is read-only at run time, and a start without
# bytecode takes three times as long.
RUN /opt/csi-3par/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/csi-3par/lib /opt/csi-3par/app

FROM ${BASE} AS driver
COPY --from=build /opt/csi-3par /opt/csi-3par
COPY LICENSE /opt/csi-3par/LICENSE
# gRPC's fork handlers break processes that are started beside a running server.
ENV PYTHONPATH=/opt/csi-3par/app \
    PYTHONUNBUFFERED=1 \
    GRPC_ENABLE_FORK_SUPPORT=0
ENTRYPOINT ["/opt/csi-3par/bin/python", "-m", "csi"]

# The controller speaks to the arrays and to its socket, as nobody in particular.
FROM driver AS controller
USER 65532:65532
CMD ["controller"]

# The node driver works on the host's disks and mounts with the host's own tools (open-iscsi, multipath-tools), so the image
# brings none and its user is root.
FROM driver AS node
# hadolint ignore=DL3002
USER 0:0
CMD ["node"]
