"""The counter: protobuf in, plain requests out; plain answers in, protobuf out; exceptions to codes in one table.

gRPC reads its environment when it is first imported, and only this package imports it for the CSI services: so the
variables are set here, before any module of the package can be loaded.
"""

import os

# grpcio's fork handlers kill children of a process that serves RPCs (grpc issue 43055, csi.md 8): never on, whatever
# the environment says. The core's own lines on stderr have no structure; its errors come back as exceptions anyway.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
