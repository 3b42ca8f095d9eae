"""What surrounds every call, from the outside: parsing, its number and its log line, the translation of errors."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from grpc import StatusCode, aio

from csi.clock import Clock
from csi.rpc.logs import call_secrets, request_id, scrub
from csi.rpc.redact import secret_values, shown
from csi.rpc.status import verdict

# gRPC's classes are generic for the type checker only: these names are never evaluated.
Context: TypeAlias = "aio.ServicerContext[Any, Any]"
Behaviour: TypeAlias = "Callable[[Message, Context], Awaitable[Message]]"
#: None where there is no such method.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler]]"

_log = logging.getLogger(__name__)
_CODES = {code.value[0]: code for code in StatusCode}
#: Asked every few seconds by probes and sidecars: worth a line only when they fail or somebody debugs.
_QUIET = frozenset(
    {"Probe", "GetPluginInfo", "GetPluginCapabilities", "ControllerGetCapabilities", "NodeGetCapabilities"}
)


def _rpc(details: grpc.HandlerCallDetails) -> str:
    return details.method.rpartition("/")[2]


def _around(handler: Handler, wrap: Callable[[Behaviour], Behaviour]) -> Handler:
    """`handler` with its behaviour wrapped; None (no such method) and streams, of which we serve none, as they are."""
    if handler is None or handler.unary_unary is None:
        return handler
    wrapped = wrap(cast(Behaviour, handler.unary_unary))
    return grpc.unary_unary_rpc_method_handler(
        cast(Callable[[Any, grpc.ServicerContext], Any], wrapped),
        handler.request_deserializer,
        handler.response_serializer,
    )


class Parsing(aio.ServerInterceptor):
    """Parses requests in gRPC's stead, which answers malformed ones with UNKNOWN and Python's own words."""

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None or handler.request_deserializer is None:
            return handler
        inner, parse = cast(Behaviour, handler.unary_unary), handler.request_deserializer

        async def call(raw: bytes, context: Context) -> Message:
            try:
                request = parse(raw)
            except DecodeError:
                context.set_code(StatusCode.INVALID_ARGUMENT)
                context.set_details(f"{_rpc(handler_call_details)}: the request is not a well-formed message")
                return Empty()
            return await inner(request, context)

        behaviour = cast(Callable[[Any, grpc.ServicerContext], Any], call)
        return grpc.unary_unary_rpc_method_handler(behaviour, None, handler.response_serializer)


class CallLog(aio.ServerInterceptor):
    """Numbers each call and writes one line when it ends: RPC, request without secrets, code, duration."""

    def __init__(self, clock: Clock, new_id: Callable[[], str]) -> None:
        self._clock = clock
        self._new_id = new_id

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        rpc = _rpc(handler_call_details)
        return _around(await continuation(handler_call_details), lambda inner: self._logged(rpc, inner))

    def _logged(self, rpc: str, inner: Behaviour) -> Behaviour:
        async def call(request: Message, context: Context) -> Message:
            started = self._clock.monotonic()
            # Each call has a context of its own, so there is nothing to reset.
            request_id.set(self._new_id())
            call_secrets.set(secret_values(request))
            finished = False
            try:
                response = await inner(request, context)
                finished = True
                return response
            finally:
                code = _code(context) if finished else StatusCode.CANCELLED
                details = context.details() if finished else ""
                self._write(rpc, request, (code, details), self._clock.monotonic() - started)

        return call

    def _write(self, rpc: str, request: Message, status: tuple[StatusCode, str], seconds: float) -> None:
        code, details = status
        usual = logging.DEBUG if rpc in _QUIET else logging.INFO
        fields: dict[str, object] = {"rpc": rpc, "code": code.name, "duration_seconds": round(seconds, 4)}
        if details:
            fields["error"] = details
        fields["arguments"] = shown(request)
        _log.log(usual if code is StatusCode.OK else logging.WARNING, "%s %s", rpc, code.name, extra={"fields": fields})


def _code(context: Context) -> StatusCode:
    # Whatever its type says, the context answers with None before a code is set, and with a number after.
    code: object = context.code()
    return code if isinstance(code, StatusCode) else _CODES[cast(int, code or 0)]


class ErrorTranslation(aio.ServerInterceptor):
    """Turns every exception into a status; a call never ends with Python's own words."""

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        rpc = _rpc(handler_call_details)
        return _around(await continuation(handler_call_details), lambda inner: self._translated(rpc, inner))

    def _translated(self, rpc: str, inner: Behaviour) -> Behaviour:
        async def call(request: Message, context: Context) -> Message:
            try:
                return await inner(request, context)
            except Exception as error:  # noqa: BLE001 - the request ends here, and each exception must become a status
                if isinstance(error, NotImplementedError) and _code(context) is StatusCode.UNIMPLEMENTED:
                    context.set_details(f"{rpc} is not offered by this driver; its capabilities say what is")
                else:
                    _answer(error, rpc, context)
                # Set, not aborted: an abort raises once more and makes a graceful stop hang (grpc issue 37239). gRPC
                # drops the response of a call whose code is not OK.
                return Empty()

        return call


def _answer(error: Exception, rpc: str, context: Context) -> None:
    answer = verdict(error, rpc, request_id.get())
    context.set_code(answer.code)
    context.set_details(scrub(answer.text, call_secrets.get()))
    if answer.bug:
        trace = "".join(traceback.format_exception(error))
        _log.error("%s ended in a bug", rpc, extra={"fields": {"rpc": rpc, "trace": scrub(trace, call_secrets.get())}})
