"""Every RPC that the driver answers is called by a test."""

import re

from csi.spec.v1 import csi_pb2
from tests.tidy.tree import functions, none_of, python_files, text


def _answered() -> set[str]:
    """RPCs of the CSI services that a class in csi/rpc has a method for."""
    services = csi_pb2.DESCRIPTOR.services_by_name.values()
    known = {method.name for service in services for method in service.methods}
    written = {name.split(".")[-1] for path in python_files("csi/rpc") for name, _ in functions(path)}
    return known & written


def test_the_required_services_are_answered() -> None:
    """One RPC of each service a driver must have; without them the next test would say nothing."""
    assert {"GetPluginInfo", "CreateVolume", "NodeStageVolume"} <= _answered()


def test_every_rpc_is_called_by_a_test() -> None:
    sources = "\n".join(text(path) for path in python_files("tests") if path.parts[1] != "tidy")
    none_of(name for name in _answered() if not re.search(rf"\b{name}\b", sources))
