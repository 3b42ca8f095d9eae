"""A mark for operations: whatever they do, refused or done, the pair is checked before anybody sees the result."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from arraysim.core.array import Array

P = ParamSpec("P")
R = TypeVar("R")


def transition(operation: Callable[Concatenate[Array, P], R]) -> Callable[Concatenate[Array, P], R]:
    """Check the invariants after `operation`, also when it refused: a refusal must leave no half-made change."""

    @wraps(operation)
    def checked(array: Array, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return operation(array, *args, **kwargs)
        finally:
            array.pair.check()

    return checked
