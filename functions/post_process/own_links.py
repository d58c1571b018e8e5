"""Which addresses the brief may link: pages of the systems that the settings name, and those of the alert itself."""

from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from shared import log
from shared.bounds import Address, Contract, marks_of
from shared.contracts import PostProcessRequest
from shared.settings import Settings

GITHUB_API, GITHUB = "api.github.com", "github.com"


class LinkSettings(Settings):
    """The systems whose pages a brief may link."""

    grafana_host: str = Field(
        "", description="Base URL of Loki, or of Grafana's data source proxy that leads to it; logs need it."
    )
    prometheus_host: str = Field("", description="Base URL of Prometheus; unset, GRAFANA_HOST.")
    github_api_url: str = Field(
        "https://api.github.com", description="Root URL of GitHub's REST API; change it for GitHub Enterprise."
    )
    approval_url: str = Field("", description="Address of the function pr_approval.")
    link_hosts: list[str] = Field(
        default_factory=list, description="JSON list of further hosts that a brief may link, with their port if any."
    )

    def hosts(self) -> frozenset[str]:
        """Return the hosts, with their ports where an address has one."""
        urls = (self.grafana_host, self.prometheus_host, self.github_api_url, self.approval_url)
        hosts = {host for url in urls if (host := _host(url))} | {host.lower() for host in self.link_hosts}
        # The pages of github.com are not where its API is; those of GitHub Enterprise are.
        return frozenset(hosts | {GITHUB} if GITHUB_API in hosts else hosts)


def own_links_only(request: PostProcessRequest) -> PostProcessRequest:
    """Return the request without addresses elsewhere, except those that the alert brought. Raises Misconfigured."""
    hosts = LinkSettings.from_env().hosts()
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
            if _host(value) not in hosts:
                log.warning("brief.link_dropped", field=name, host=_host(value))
                changes[name] = None if field.default is None else ""
        elif isinstance(value, Contract | list):
            changes[name] = _checked(value, hosts)
    return changes


def _host(url: str) -> str:
    """Return the host of a web address, with its port if it names one; an empty text for anything else."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and parts.username is None
        return parts.netloc.lower() if is_web else ""
    except ValueError:
        return ""
