"""/tasks (wsapi.md 2.6). No operation that exists so far makes a task."""

from arraysim.core.faults import Refusal
from arraysim.wsapi.message import Reply, Request, members


def collection(_request: Request) -> Reply:
    """GET /tasks."""
    return members([])


def show(request: Request) -> Reply:
    """GET /tasks/{id}: 400 39 no number, 400 115 negative, 404 145."""
    try:
        number = int(request.path_params["id"])
    except ValueError:
        raise Refusal.WRONG_TYPE.fault("id") from None
    if number < 0:
        raise Refusal.BELOW_RANGE.fault("id")
    raise Refusal.NON_EXISTENT_TASK.fault()
