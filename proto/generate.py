"""Write the Python stubs of `proto/` beside the code that uses them: `python proto/generate.py [FOLDER]`.

protoc names imports after a proto's own path, so with `-I proto` a file at proto/csi/spec/v1/csi.proto becomes
csi/spec/v1/csi_pb2.py with imports that need no patching. The stubs are committed; a test writes them to a temporary
folder and compares.
"""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]  # grpcio-tools ships no types

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("csi/spec/v1/csi.proto",)


def generate(folder: Path) -> None:
    """Write messages, services and their types under `folder`; raise RuntimeError when protoc refuses a file."""
    tools = Path(sys.executable).parent
    arguments = [
        "protoc",
        f"-I{ROOT / 'proto'}",
        f"-I{files('grpc_tools') / '_proto'}",
        f"--plugin=protoc-gen-mypy={tools / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={tools / 'protoc-gen-mypy_grpc'}",
        f"--python_out={folder}",
        f"--grpc_python_out={folder}",
        f"--mypy_out=quiet:{folder}",
        f"--mypy_grpc_out=quiet,only_async,generate_concrete_servicer_stubs:{folder}",
        *SOURCES,
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError(f"protoc refused one of {', '.join(SOURCES)}; its reason is above")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
