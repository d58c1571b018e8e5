"""
Google Cloud Workflows on one laptop: reads the same YAML, runs it offline, answers the same API.

A development tool. Production runs on Google Cloud Workflows, always; no official emulator exists.
`load` reads a source and `run` runs it in this thread; the module `server` serves it by REST and gRPC on loopback.
"""

from infra.local.engine.language.errors import DefinitionRejected, ExecutionCancelled, WorkflowError
from infra.local.engine.workflows import load, run

__all__ = ["DefinitionRejected", "ExecutionCancelled", "WorkflowError", "load", "run"]
