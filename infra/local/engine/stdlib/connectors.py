"""
Connectors, `googleapis.*`: every well-formed name deploys; only the one that runs other workflows works locally.

Source: "Connectors reference"; connector for the Workflow Executions API, `executions.run`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from infra.local.engine.language.errors import tagged
from infra.local.engine.language.values import Value
from infra.local.engine.stdlib import arguments
from infra.local.engine.stdlib.function import Host

RUN_WORKFLOW = "googleapis.workflowexecutions.v1.projects.locations.workflows.executions.run"
_NAME = re.compile(r"googleapis\.[a-z][a-z0-9]*\.v\d[a-z0-9]*(\.[A-Za-z][A-Za-z0-9]*){2,}|gke\.[a-z_]+")


def is_connector(function: str) -> bool:
    """Return whether a name has the form of a connector: api, version, resources, method; or one of `gke`."""
    return _NAME.fullmatch(function) is not None


def call(host: Host, function: str, named: Mapping[str, Value]) -> Value:
    """Run another workflow deployed here; raises Workflows' SystemError for every other connector."""
    if function != RUN_WORKFLOW:
        raise tagged("SystemError", f"{function} is served only by Google Cloud; the local engine has no connectors")
    workflow = arguments.text(named.get("workflow_id"), "workflow_id")
    return host.execute(workflow, named.get("argument"))
