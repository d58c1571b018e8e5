"""Which addresses the brief may link: pages of the systems that the settings name, and those of the alert itself."""

from typing import Any

from shared import log
from shared.bounds import Address, Contract, marks_of
from shared.contracts import PostProcessRequest
from shared.errors import Misconfigured
from shared.links import LinkSettings, host_of


def own_links_only(request: PostProcessRequest) -> PostProcessRequest:
    """Return the request without addresses elsewhere, save those of the alert; a wrong setting allows none."""
    try:
        hosts = LinkSettings.from_env().hosts()
    except Misconfigured as error:
        log.error("brief.links_misconfigured", error=str(error))
        hosts = frozenset()
    return request.replace(
        **{name: _checked(value, hosts) for name, value in dict(request).items() if name not in ("alert", "left_out")}
    )


def _checked(value: Any, hosts: frozenset[str]) -> Any:
    match value:
        case Contract():
            return value.replace(**_checked_fields(value, hosts))
        case list():
            return [_checked(each, hosts) for each in value]
    return value


def _checked_fields(contract: Contract, hosts: frozenset[str]) -> dict[str, Any]:
    changes = {}
    for name, field in type(contract).model_fields.items():
        value = getattr(contract, name)
        if value and any(isinstance(mark, Address) for mark in marks_of(field.annotation, field.metadata)):
            if host_of(value) not in hosts:
                log.warning("brief.link_dropped", field=name, host=host_of(value))
                changes[name] = None if field.default is None else ""
        elif isinstance(value, Contract | list):
            changes[name] = _checked(value, hosts)
    return changes
