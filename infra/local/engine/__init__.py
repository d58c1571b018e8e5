"""
Google Cloud Workflows on one laptop: reads the same YAML, runs it offline, answers the same API.

A development tool. Production runs on Google Cloud Workflows, always; no official emulator exists.
`load` reads a source and `run` runs it in this thread; the module `server` serves it by REST and gRPC on loopback.

    language/  from text to a checked tree: source, reader, expressions, checks; values and errors
    runtime/   from the tree to a result: scopes, steps, retries, branches, history, cancellation
    stdlib/    the standard library, a module per namespace
    api/       what is deployed and what runs; the REST and the gRPC door

Where it differs from the service, knowingly:
- Connectors (`googleapis.*`) deploy, and fail when they are called; only the one that runs workflows works.
- Credentials are unsigned tokens; nothing outlives the process.
- Regular expressions are Python's, held to RE2's rules but for alternatives beside an assertion such as `$`.
- A variable never assigned raises KeyError when it is read; the service may refuse it at deployment.
- Map literals and named arguments inside `${}` are refused: the reference lists neither.
- `run` returns bytes as they are; through the server they fail the execution, since they have no JSON.
"""

from infra.local.engine.language.errors import DefinitionRejected, ExecutionCancelled, WorkflowError
from infra.local.engine.workflows import load, run

__all__ = ["DefinitionRejected", "ExecutionCancelled", "WorkflowError", "load", "run"]
