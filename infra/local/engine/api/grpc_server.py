"""The gRPC server for Google's client libraries: google.cloud.workflows.executions.v1.Executions."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import grpc
import proto  # type: ignore[import-untyped]  # no stubs exist
from google.cloud.workflows.executions_v1.types import executions as types

from infra.local.engine.api import resources
from infra.local.engine.api.errors import ApiError
from infra.local.engine.api.execution import Execution, ExecutionRequest
from infra.local.engine.api.service import WorkflowsService

_SERVICE = "google.cloud.workflows.executions.v1.Executions"
_THREADS = 16

RequestMessage = TypeVar("RequestMessage", bound=proto.Message)


class GrpcServer:
    """Serves one WorkflowsService; `port` is the bound port. Raises OSError when the port is in use."""

    def __init__(self, service: WorkflowsService, host: str, port: int) -> None:
        # Without SO_REUSEPORT a second engine on the same port fails to start instead of receiving half of the calls.
        options = [("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self._server.add_generic_rpc_handlers((_handlers(_Executions(service)),))
        try:
            self.port: int = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen on {host}:{port}: {error}") from error

    def start(self) -> None:
        """Start serving."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving and release the port."""
        self._server.stop(grace=0).wait()


def _handlers(servicer: _Executions) -> grpc.GenericRpcHandler:
    methods = {
        "CreateExecution": _method(servicer.create, types.CreateExecutionRequest),
        "GetExecution": _method(servicer.get, types.GetExecutionRequest),
        "ListExecutions": _method(servicer.list, types.ListExecutionsRequest),
        "CancelExecution": _method(servicer.cancel, types.CancelExecutionRequest),
    }
    return grpc.method_handlers_generic_handler(_SERVICE, methods)  # type: ignore[no-untyped-call, no-any-return]  # the library leaves it untyped


def _method(
    answer: Callable[[RequestMessage], proto.Message], request_type: type[RequestMessage]
) -> grpc.RpcMethodHandler:
    def serve(request: RequestMessage, context: grpc.ServicerContext) -> proto.Message:
        try:
            return answer(request)
        except ApiError as error:
            context.abort(grpc.StatusCode[error.status], str(error))  # type: ignore[no-untyped-call]  # the library leaves it untyped
            raise

    return grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call, no-any-return]  # the library leaves it untyped
        serve,
        request_deserializer=request_type.deserialize,
        response_serializer=lambda reply: type(reply).serialize(reply),
    )


class _Executions:
    """The four methods; converts between protobuf and the service."""

    def __init__(self, service: WorkflowsService) -> None:
        self._service = service

    def create(self, request: types.CreateExecutionRequest) -> proto.Message:
        """Start an execution."""
        execution = request.execution
        level = types.Execution.CallLogLevel(execution.call_log_level).name
        execution_request = ExecutionRequest(execution.argument or "null", dict(execution.labels), level)
        return _resource(self._service.create_execution(request.parent, execution_request), "FULL")

    def get(self, request: types.GetExecutionRequest) -> proto.Message:
        """Return an execution, in the FULL view unless BASIC is requested."""
        view = "BASIC" if request.view == types.ExecutionView.BASIC else "FULL"
        return _resource(self._service.get_execution(request.name), view)

    def list(self, request: types.ListExecutionsRequest) -> proto.Message:
        """Return a page of executions, in the BASIC view unless FULL is requested."""
        page = self._service.list_executions(
            request.parent,
            text=request.filter,
            order_by=request.order_by,
            size=request.page_size,
            token=request.page_token,
        )
        view = "FULL" if request.view == types.ExecutionView.FULL else "BASIC"
        executions = [_resource(item, view) for item in page.executions]
        return types.ListExecutionsResponse(executions=executions, next_page_token=page.next_token)

    def cancel(self, request: types.CancelExecutionRequest) -> proto.Message:
        """Cancel an execution."""
        return _resource(self._service.cancel_execution(request.name), "FULL")


def _resource(execution: Execution, view: str) -> types.Execution:
    """Return the resource as protobuf; fields newer than the installed library are omitted."""
    text = json.dumps(resources.execution(execution, view))
    resource: types.Execution = types.Execution.from_json(text, ignore_unknown_fields=True)
    return resource
