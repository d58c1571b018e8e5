"""Which addresses may become links: pages of the systems that the settings name."""

from urllib.parse import urlsplit

from pydantic import Field

from shared.settings import Settings

GITHUB_API, GITHUB = "api.github.com", "github.com"


class LinkSettings(Settings):
    """The systems whose pages may be linked."""

    grafana_host: str = Field(
        "", description="Base URL of Loki, or of Grafana's data source proxy that leads to it; logs need it."
    )
    grafana_url: str = Field(
        "",
        description="Root URL of Grafana, for rules and links; unset, what GRAFANA_HOST has before /api/datasources/.",
    )
    prometheus_host: str = Field("", description="Base URL of Prometheus; unset, GRAFANA_HOST is tried.")
    github_api_url: str = Field(
        "https://api.github.com", description="Root URL of GitHub's REST API; change it for GitHub Enterprise."
    )
    approval_url: str = Field("", description="Address of the function pr_approval.")
    link_hosts: list[str] = Field(
        default_factory=list, description="JSON list of further hosts that a brief may link, with their port if any."
    )

    def hosts(self) -> frozenset[str]:
        """Return the hosts, with their ports where an address has one."""
        urls = (self.grafana_host, self.grafana_url, self.prometheus_host, self.github_api_url, self.approval_url)
        hosts = {host for url in urls if (host := host_of(url))} | {host.lower() for host in self.link_hosts}
        # The pages of github.com are not where its API is; those of GitHub Enterprise are.
        return frozenset(hosts | {GITHUB} if GITHUB_API in hosts else hosts)

    def is_own(self, url: str) -> bool:
        """Return whether an address is a page of one of these systems."""
        return host_of(url) in self.hosts()


def host_of(url: str) -> str:
    """Return the host of a web address, with its port if it names one; an empty text for anything else."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and parts.username is None
        return parts.netloc.lower() if is_web else ""
    except ValueError:
        return ""
