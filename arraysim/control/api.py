"""The hand that breaks things: plain HTTP and JSON on a port of its own, never seen by a driver."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arraysim.control.actions import GUIDE, Advance, Control, NewHost, Nothing, On, Refused, Up, Witness
from arraysim.control.conditions import BadCondition, parse_condition
from arraysim.sections import Section, explain

if TYPE_CHECKING:
    from arraysim.lab import Lab

SERVER_NAME = "arraysim-control"
#: How often a waiting call looks at the state; real time.
POLL_SECONDS = 0.02
LONGEST_WAIT_SECONDS = 600.0

Endpoint = Callable[[Request], Awaitable[Response]]
Json = dict[str, Any]


class _ControlApp:
    """The calls of `Control` as endpoints. Whatever may block runs on `executor`."""

    def __init__(self, lab: "Lab", executor: Executor) -> None:
        self._lab = lab
        self._control = Control(lab)
        self._executor = executor

    async def in_turn(self, work: Callable[..., Json], *args: Any) -> Json:  # noqa: ANN401  handed on to `work`
        """What `work` answers. Refused 500 for a bug, which the lab keeps."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(*args))
        except Refused:
            raise
        except Exception as bug:  # a request ends here, and the lab fails with what it is handed
            self._lab.failed(bug)
            raise Refused(500, f"the simulator failed: {type(bug).__name__}: {bug}") from bug

    def plain(self, work: Callable[..., Json]) -> Endpoint:
        """An endpoint without a body."""

        async def endpoint(request: Request) -> Response:
            return _json(await self.in_turn(work, *request.path_params.values()))

        return endpoint

    def checked(self, model: type[Section], work: Callable[..., Json]) -> Endpoint:
        """An endpoint whose body must fit `model`."""

        async def endpoint(request: Request) -> Response:
            try:
                body = model.model_validate(await _body(request))
            except ValidationError as wrong:
                raise Refused(400, "; ".join(explain(model, wrong))) from wrong
            return _json(await self.in_turn(work, body, *request.path_params.values()))

        return endpoint

    async def guide(self, _request: Request) -> Response:
        """GET /."""
        return _json(GUIDE)

    async def arm(self, request: Request) -> Response:
        """POST /faults."""
        return _json(await self.in_turn(self._control.arm, await _body(request)), 201)

    async def calls(self, request: Request) -> Response:
        """GET /calls."""
        since = _number(request, "since", 0)
        return _json(await self.in_turn(self._control.calls, request.query_params.get("array", ""), int(since)))

    async def wait(self, request: Request) -> Response:
        """GET /wait."""
        conditions = [parse_condition(text) for text in request.query_params.getlist("condition")]
        if not conditions:
            raise Refused(400, "give a condition, as in /wait?condition=link/up=true")
        end = time.monotonic() + min(_number(request, "timeout", 30.0), LONGEST_WAIT_SECONDS)
        while True:
            state = await self.in_turn(self._control.state)
            missing = [condition for condition in conditions if not condition.holds(state)]
            if not missing:
                return _json({"holds": True, "clock": state["clock"]})
            if time.monotonic() >= end or await request.is_disconnected():
                unmet = {condition.text: condition.seen(state) for condition in missing}
                return _json({"holds": False, "unmet": unmet}, 408)
            await asyncio.sleep(POLL_SECONDS)

    def routes(self) -> list[Route]:
        """The one table of the control port."""
        control, plain, checked = self._control, self.plain, self.checked
        return [
            Route("/", self.guide),
            Route("/state", plain(control.state)),
            Route("/wait", self.wait),
            Route("/link", checked(Up, control.link), methods=["POST"]),
            Route("/witness", checked(Witness, control.witness), methods=["POST"]),
            Route("/arrays/{name}/power", checked(On, control.power), methods=["POST"]),
            Route("/arrays/{name}/hang", checked(On, control.hang), methods=["POST"]),
            Route("/arrays/{name}/not-ready", checked(On, control.not_ready), methods=["POST"]),
            Route("/arrays/{name}/expire-sessions", checked(Nothing, control.expire_sessions), methods=["POST"]),
            Route("/faults", plain(control.faults), methods=["GET"]),
            Route("/faults", self.arm, methods=["POST"]),
            Route("/faults", plain(control.reset_faults), methods=["DELETE"]),
            Route("/faults/{number:int}", plain(control.remove_fault), methods=["DELETE"]),
            Route("/calls", self.calls, methods=["GET"]),
            Route("/calls", plain(control.forget_calls), methods=["DELETE"]),
            Route("/clock", checked(Advance, control.clock), methods=["POST"]),
            Route("/hosts", checked(NewHost, control.add_host), methods=["POST"]),
        ]


def control_app(lab: "Lab", executor: Executor) -> Starlette:
    """The ASGI application of the control port."""
    handlers = {Refused: _refused, BadCondition: _bad_condition, HTTPException: _unknown}
    return Starlette(routes=_ControlApp(lab, executor).routes(), exception_handlers=handlers)


async def _body(request: Request) -> Json:
    """The JSON object of the body; none is an empty one. Refused 400 for anything else."""
    content = await request.body()
    if not content.strip():
        return {}
    try:
        body = json.loads(content)
    except ValueError as wrong:
        raise Refused(400, f"the body is no JSON: {wrong}") from wrong
    if not isinstance(body, dict):
        raise Refused(400, "the body must be a JSON object")
    return body


def _number(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    try:
        return default if text is None else float(text)
    except ValueError:
        raise Refused(400, f"{name}={text}: must be a number") from None


def _json(body: Json, status: int = 200) -> Response:
    """Indented, with a line end: this is read in terminals."""
    return Response(f"{json.dumps(body, indent=2, ensure_ascii=False)}\n", status, media_type="application/json")


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _json({"error": str(error)}, error.status)


async def _bad_condition(_request: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 400)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json(
        {"error": f"there is no {request.method} {request.url.path}; GET / lists what there is"}, error.status_code
    )
