"""An asyncio loop on a thread of its own, for everything of a lab that listens."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Starts at once. `close` ends every task that is left, then the thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop itself."""
        return self._loop

    def run(self, work: Coroutine[Any, Any, T], timeout_seconds: float = 30.0) -> T:
        """The result of `work`, run in the loop. For other threads only: the loop's own would wait for itself."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("the loop's thread cannot wait for its own loop")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_seconds)

    def close(self) -> None:
        """Cancel what still runs, wait for the thread, close the loop. Harmless when repeated."""
        if self._loop.is_closed():
            return
        self.run(self._cancel_rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @staticmethod
    async def _cancel_rest() -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
