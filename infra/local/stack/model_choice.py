"""Which model the local stack calls: none, the sandbox on loopback, or Gemini itself with the caller's key."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.local.sandboxes.gemini.server import API_KEY
from shared.errors import Misconfigured

Provider = Literal["offline", "sandbox", "gemini"]
PROVIDERS: tuple[Provider, ...] = ("offline", "sandbox", "gemini")


@dataclass(frozen=True)
class ModelChoice:
    """The model, and how the sandbox behaves: script, seconds per answer, fault, how many calls fail, which overlap."""

    provider: Provider = "offline"
    script: str = "agreeable"
    latency_s: float = 0
    fault: str | None = None
    fault_calls: int | None = None
    meeting: range = range(0)

    def arguments(self, requests_folder: Path) -> list[str]:
        """Return the sandbox's command line; it writes every request to `requests_folder`."""
        options = ["--script", self.script, "--latency", str(self.latency_s), "--requests-folder", str(requests_folder)]
        options += ["--fault", self.fault] if self.fault else []
        options += ["--meeting", str(self.meeting.start), str(self.meeting.stop - 1)] if self.meeting else []
        return options + (["--fault-calls", str(self.fault_calls)] if self.fault_calls else [])

    def settings(self, sandbox_url: str) -> dict[str, str]:
        """Return the variables that point the functions to it. Raises Misconfigured without the caller's key."""
        if self.provider == "offline":
            return {"MODEL_PROVIDER": "offline"}
        if self.provider == "sandbox":
            return {"MODEL_PROVIDER": "gemini", "GEMINI_BASE_URL": sandbox_url, "GEMINI_API_KEY": API_KEY}
        variables = {name: value for name, value in os.environ.items() if name.startswith("GEMINI_") and value}
        if "GEMINI_API_KEY" not in variables:
            raise Misconfigured("MODEL=gemini needs GEMINI_API_KEY in the environment; MODEL=sandbox needs no key")
        return {"MODEL_PROVIDER": "gemini", **variables}
