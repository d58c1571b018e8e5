"""Which of the addresses in use are sandboxes, as they say themselves: real ones and sandboxes are never mixed."""

import requests

from infra.doctor.check import Check, wrong
from infra.doctor.environment import TIMEOUT_S
from infra.local.sandboxes.http import SERVER
from shared.settings import lookup

ADDRESSES = ("GRAFANA_HOST", "PROMETHEUS_HOST", "GITHUB_API_URL")


def check_real_sources() -> list[Check]:
    """Return that sandboxes and real systems are configured together; code on github.com has no address."""
    addresses = {name: url for name in ADDRESSES if (url := lookup(name))}
    if lookup("GITHUB_REPO") or lookup("SERVICE_REPOS"):
        addresses.setdefault("GITHUB_API_URL", "")
    sandboxes = [name for name, url in addresses.items() if url and is_sandbox(url)]
    real = [name for name in addresses if name not in sandboxes]
    if not sandboxes or not real:
        return []
    what = f"{' and '.join(sandboxes)} lead to a sandbox, and {' and '.join(real)} to a real system"
    return [wrong(what, "set all of GRAFANA_HOST, PROMETHEUS_HOST and GITHUB_API_URL to real ones, or none")]


def is_sandbox(url: str) -> bool:
    """Return whether a sandbox of ours answers there."""
    try:
        with requests.get(url, timeout=TIMEOUT_S, allow_redirects=False, stream=True) as reply:
            return reply.headers.get("Server", "").startswith(SERVER)
    except requests.RequestException:
        return False
