"""
Google Cloud Workflows on one machine: reads the same YAML, runs it offline, serves the same API.

A development tool. Production always runs on Google Cloud Workflows; no official emulator exists.
`load` reads a source and `run` runs it in this thread; the module `server` serves it over REST and gRPC on loopback.

    language/  from text to a checked tree: source, reader, expressions, checks; values and errors
    runtime/   from the tree to a result: scopes, steps, retries, branches, history, cancellation
    stdlib/    the standard library, one module per namespace
    api/       deployments and executions; the REST and the gRPC server

Known differences from the service:
- Connectors (`googleapis.*`) deploy, but fail when they are called; only the one that runs workflows works.
- Credentials are unsigned tokens; all state is lost when the process ends.
- Regular expressions are Python's, limited to RE2's rules, except alternatives in patterns with assertions (`$`).
- Reading a variable that was never assigned raises KeyError; the service may reject it at deployment.
- Map literals and named arguments inside `${}` are rejected: the reference lists neither.
- `run` returns bytes unchanged; on the server they fail the execution, because they have no JSON form.
"""

from infra.local.engine.language.errors import DefinitionRejected, ExecutionCancelled, WorkflowError
from infra.local.engine.workflows import load, run

__all__ = ["DefinitionRejected", "ExecutionCancelled", "WorkflowError", "load", "run"]
