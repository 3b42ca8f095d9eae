"""The one door to HPE's python-3parclient 4.4.

The library imports paramiko and eventlet for its SSH half, which this driver never uses; eventlet would put its own
threads beside gRPC's (wsapi.md 6, fault 29). Empty modules stand in for both while the library is imported and are
taken away again, so neither has to be installed and nothing else in the process ever sees them.
"""

import logging
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def _refuse(*_: object) -> None:
    raise RuntimeError("the SSH half of python-3parclient is not available in this driver")


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Put stand-ins for the SSH half's imports into sys.modules; on leaving restore what was there."""
    eventlet, greenthread = types.ModuleType("eventlet"), types.ModuleType("eventlet.greenthread")
    for module, name, value in ((greenthread, "sleep", _refuse), (eventlet, "greenthread", greenthread)):
        setattr(module, name, value)
    modules = {"eventlet": eventlet, "eventlet.greenthread": greenthread, "paramiko": types.ModuleType("paramiko")}
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module_before in before.items():
            if module_before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module_before


with _stand_ins(), warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own escape sequences and deprecations are not ours to mend
    from hpe3parclient import exceptions
    from hpe3parclient.client import HPE3ParClient
    from hpe3parclient.http import HTTPJSONRESTClient

# The library logs session keys and passwords at DEBUG (wsapi.md 6, fault 10); its loggers are shut for good.
for _name in ("hpe3parclient", "hpe3parclient.http", "hpe3parclient.client", "hpe3parclient.ssh"):
    _logger = logging.getLogger(_name)
    _logger.setLevel(logging.CRITICAL + 1)
    _logger.propagate = False

__all__ = ["HPE3ParClient", "HTTPJSONRESTClient", "exceptions"]
