"""Bounded worker pools, so that calls stuck on one pair of arrays never hold up another pair's, nor cheap reads."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

#: The pool of reads that concern every backend or none.
SHARED = ""


class Pools:
    """A pool of `workers` threads per backend, made at its first use, and one that is shared.

    Backend names come from the caller's settings or, on a node, from volume ids: `limit` bounds how many get a pool of
    their own; the rest share.
    """

    def __init__(self, workers: int = 16, *, limit: int = 32) -> None:
        self._workers = workers
        self._limit = limit
        self._pools: dict[str, ThreadPoolExecutor] = {}

    async def run(self, backend: str, work: Callable[[], T]) -> T:
        """The result of `work`, done in the backend's pool with the caller's context variables."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._pool(backend), context.run, work)

    def _pool(self, backend: str) -> ThreadPoolExecutor:
        name = backend if backend in self._pools or len(self._pools) < self._limit else SHARED
        if name not in self._pools:
            self._pools[name] = ThreadPoolExecutor(self._workers, thread_name_prefix=f"rpc-{name or 'shared'}")
        return self._pools[name]

    def close(self) -> None:
        """Start nothing more; work in progress runs on, for an array call cannot be called back."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
