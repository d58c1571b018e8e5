"""GitHub's webhook: one signed delivery for each event of a pull request."""

import hmac
import json
import threading
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen
from uuid import uuid4

from infra.local.sandboxes.github import json_shapes as shape
from infra.local.sandboxes.github.api import ApiCall, Json

_TIMEOUT_S = 10


@dataclass(frozen=True)
class PullRequestWebhook:
    """Where deliveries go, and the secret that signs them."""

    url: str
    secret: str

    def notify(self, call: ApiCall, action: str, pull: Json) -> None:
        """Deliver one pull_request event in the background, once, as GitHub does."""
        body = {
            "action": action,
            "number": pull["number"],
            "pull_request": shape.pull(call, pull),
            "repository": shape.repository(call),
            "sender": shape.user(call, "sandbox"),
        }
        threading.Thread(target=self._deliver, args=(json.dumps(body).encode(),), daemon=True).start()

    def _deliver(self, content: bytes) -> None:
        signature = hmac.digest(self.secret.encode(), content, "sha256").hex()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/sandbox",
            "X-GitHub-Delivery": str(uuid4()),
            "X-GitHub-Event": "pull_request",
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        request = HttpRequest(self.url, content, headers)  # noqa: S310  # the operator's own address
        try:
            urlopen(request, timeout=_TIMEOUT_S).close()  # noqa: S310
        except (URLError, OSError) as error:
            print(f"The delivery to {self.url} failed: {error}", flush=True)
