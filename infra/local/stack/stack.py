"""The whole stack on one laptop: sandboxes, Pub/Sub, engine and every function from its bundle, one process each."""

import json
import os
import secrets
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from infra import bundle
from infra.local.cli import trace_access
from infra.local.pubsub import topics
from infra.local.sandboxes.gmail.server import OauthGrant
from infra.local.scenarios.build import Built
from infra.local.stack import emulators, processes, scheduler
from infra.local.stack.model_choice import ModelChoice
from infra.local.stack.processes import HOST, Service
from infra.signing_keys import SIGNERS
from shared import signatures
from shared.step import waking
from shared.step.steps import STEPS
from shared.traces.port import TraceStore

PROJECT, LOCATION = "local", "local"
START_TIMEOUT_S = 60.0
START_LEASE_S = 45
ON_CALL = "on-call@example.com"
GRANT = OauthGrant()


@dataclass(frozen=True)
class Options:
    """
    How to run; `settings` override the variables that the stack sets for the functions, `port` is alert_intake's.

    `has_emulators` uses Google's Pub/Sub and Firestore emulators instead of the stand-ins. `functions` names those to
    start, without the sandboxes; when it is empty, everything starts. `has_clock` calls scheduled functions.
    `timeouts_s` replaces timeouts of functions, `workflow` the file of the workflow; `route` gives the URL under which
    callers get a service, from its name and its own URL. Each function has `workers` processes, as it has instances.
    """

    port: int = 0
    api_key: str = "local-key"
    settings: Mapping[str, str] = field(default_factory=dict)
    has_emulators: bool = False
    functions: tuple[str, ...] = ()
    has_clock: bool = True
    model: ModelChoice = field(default_factory=ModelChoice)
    workers: int = 1
    timeouts_s: Mapping[str, float] = field(default_factory=dict)
    route: Callable[[str, str], str] = lambda _name, url: url
    workflow: Path = bundle.ROOT / "workflows" / "incident.workflows.yaml"


class Stack:
    """
    Starts everything on loopback when entered and stops every process at exit.

    `folder` receives everything a run leaves behind: git repository, mails, hook calls, traces, briefs, logs.
    Raises StartFailed when a process does not come up, EmulatorFailed when an emulator is not installed.
    """

    def __init__(self, folder: Path, built: Built, options: Options | None = None) -> None:
        self.folder = folder.resolve()
        self.built = built
        self.options = options or Options()
        self.services: dict[str, Service] = {}
        self.engine_address = ""
        self._ends = ExitStack()
        self._starts: dict[str, Callable[[], Service]] = {}
        self._token = secrets.token_hex(16)
        self._webhook_secret = secrets.token_hex(16)
        self._keys = {name: signatures.new_pair() for name in SIGNERS}

    def __enter__(self) -> Self:
        self._ends.callback(lambda: processes.stop(list(self.services.values())))
        try:
            self._start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ends.close()

    @property
    def intake_url(self) -> str:
        """Where alerts are posted."""
        return f"{self._routed('alert_intake')}/webhook/trigger_agent"

    @property
    def console_url(self) -> str:
        """Where people read incidents."""
        return f"{self._service('incident_console').url}/incidents"

    @property
    def bus_address(self) -> str:
        """The value of PUBSUB_EMULATOR_HOST."""
        return f"{HOST}:{self.services['bus'].port}"

    @property
    def github_token(self) -> str:
        """What the GitHub sandbox takes."""
        return self._token

    @property
    def push_url(self) -> str:
        """Where Pub/Sub pushes each alert."""
        return f"{self._routed('workflow_starter')}/projects/{PROJECT}/topics/{topics.ALERTS}"

    def traces(self) -> AbstractContextManager[TraceStore]:
        """Open the trace store that the functions write to."""
        return trace_access.opened(self.folder, PROJECT, self._firestore)

    def end(self, name: str) -> None:
        """Stop one service, like an outage. Raises KeyError naming the services."""
        processes.stop([self._service(name)])

    def kill(self, name: str) -> None:
        """Kill one service at once, like a machine that dies. Raises KeyError naming the services."""
        processes.kill(self._service(name))

    def restart(self, name: str) -> None:
        """Start one service again on its port, stopped or not. Raises StartFailed, KeyError naming the services."""
        processes.stop([self._service(name)])
        with processes.uninterrupted():
            self.services[name] = self._starts[name]()
        processes.wait_listening(self.services[name], START_TIMEOUT_S)

    def revive(self, name: str) -> None:
        """Start a service that died again, with what it lost in memory that others rest on. Raises StartFailed."""
        self.restart(name)
        if name == "bus":
            self._create_topics()
        self._write_map()

    def _create_topics(self) -> None:
        policy = topics.EMULATOR if self.options.has_emulators else topics.STAND_IN
        woken = {row.name: f"{self._routed(row.name)}{waking.PATH}" for row in STEPS if row.name in self.services}
        topics.create(self.bus_address, PROJECT, self.push_url, policy, woken)

    def _routed(self, name: str) -> str:
        return self.options.route(name, self._service(name).url)

    def _service(self, name: str) -> Service:
        if name not in self.services:
            raise KeyError(f"no service {name!r}; the services are {', '.join(sorted(self.services))}")
        return self.services[name]

    def _start(self) -> None:
        for sub in ("logs", "mail", "hook", "traces", "briefs"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        # First, because Java is slow to start and may be missing.
        self._start_pubsub_and_traces()
        ports = {name: processes.free_port() for name in bundle.names()}
        if not self.options.functions:
            self._start_sandboxes(f"http://{HOST}:{ports['code_host_webhook']}")
        ports["alert_intake"] = self.options.port or ports["alert_intake"]
        urls = {name: self.options.route(name, f"http://{HOST}:{port}") for name, port in ports.items()}
        self._start_engine(urls)
        pages = f"{urls['incident_console']}/incidents/{{incident_id}}"
        called = {"POST_PROCESS_FUNCTION_URL": urls["post_process"], "INCIDENT_PAGE_URL": pages}
        settings = {**self._settings(), **called, **self._approval(ports["pr_approval"]), **self.options.settings}
        for name in self.options.functions or ports:
            self._start_function(name, ports[name], settings)
        for service in self.services.values():
            processes.wait_listening(service, START_TIMEOUT_S)
        self._create_topics()
        self._write_map()
        self._start_scheduler()

    def _start_scheduler(self) -> None:
        if self.options.has_clock:
            plans = {name: plan for name, plan in scheduler.schedules().items() if name in self.services}
            urls = {name: self.services[name].url for name in plans}
            self._ends.enter_context(scheduler.Scheduler(plans, urls, self.folder / "logs" / "scheduler.log"))

    def _start_sandboxes(self, webhook_url: str) -> None:
        self._module("loki", "infra.local.sandboxes.loki.server", "--data", str(self.built.logs))
        metrics = ["--data", str(self.built.metrics)] if self.built.metrics else []
        self._module("prometheus", "infra.local.sandboxes.prometheus.server", *metrics)
        self._module("gmail", "infra.local.sandboxes.gmail.server", "--folder", str(self.folder / "mail"))
        self._module("hook", "infra.local.sandboxes.hook.server", "--folder", str(self.folder / "hook"))
        if self.built.repo_git is not None and self.built.github_repo is not None:
            where = ["--git-dir", str(self.built.repo_git), "--repo", self.built.github_repo]
            secrets_env = {"GITHUB_TOKEN": self._token, "GITHUB_WEBHOOK_SECRET": self._webhook_secret}
            where += ["--webhook-url", webhook_url]
            self._module("github", "infra.local.sandboxes.github.server", *where, env=secrets_env)
        if self.options.model.provider == "sandbox":
            arguments = self.options.model.arguments(self.folder / "gemini")
            self._module("gemini", "infra.local.sandboxes.gemini.server", *arguments)

    def _start_engine(self, urls: Mapping[str, str]) -> None:
        definition = self.options.workflow
        variables = [part for name, url in urls.items() for part in ("--env", f"{name}={url}")]
        grpc_port = processes.free_port()
        where = ["--grpc-port", str(grpc_port), "--project", PROJECT, "--location", LOCATION]
        self._module(
            "engine", "infra.local.engine.server", "--workflow", f"incident={definition}", *where, *variables,
            port_flag="--http-port",
        )  # fmt: skip
        self.engine_address = f"{HOST}:{grpc_port}"

    def _start_pubsub_and_traces(self) -> None:
        # "bus" is the name of Pub/Sub in stack.json, in WITHOUT and of its log file.
        if not self.options.has_emulators:
            self._module("bus", "infra.local.pubsub.server")
            return
        for name, emulator in (("bus", "pubsub"), ("firestore", "firestore")):
            port = processes.free_port()
            self._run(name, emulators.command(emulator, port), port, {}, bundle.ROOT)

    def _module(
        self, name: str, module: str, *arguments: str, port_flag: str = "--port", env: Mapping[str, str] | None = None
    ) -> None:
        port = processes.free_port()
        command = [sys.executable, "-m", module, port_flag, str(port), *arguments]
        self._run(name, command, port, env or {}, bundle.ROOT)

    def _start_function(self, name: str, port: int, settings: Mapping[str, str]) -> None:
        # Its own folder: another run, or `make bundles`, must not replace the code while this run uses it.
        built = bundle.write(name, self.folder / "bundles")
        manifest = yaml.safe_load((built.folder / "function.yaml").read_text(encoding="utf-8"))
        granted = {*manifest["settings"], *manifest["secrets"], *PLATFORM}
        timeout_s = self.options.timeouts_s.get(name, manifest["timeout_s"])
        command = processes.function_command(built.folder, manifest, port, timeout_s)
        env = {key: value for key, value in {**settings, **self._signing(name)}.items() if key in granted}
        server = {"CLOUD_RUN_TIMEOUT_SECONDS": str(manifest["timeout_s"]), "WORKERS": str(self.options.workers)}
        self._run(name, command, port, {**env, **server}, built.folder)

    def _signing(self, name: str) -> dict[str, str]:
        """Return the keys as deployed functions have them: each its own private one, and everybody's public ones."""
        private = {"STEP_SIGNING_KEY": self._keys[name][0]} if name in self._keys else {}
        return {**private, "STEP_PUBLIC_KEYS": json.dumps({each: pair[1] for each, pair in self._keys.items()})}

    def _run(self, name: str, command: list[str], port: int, env: Mapping[str, str], cwd: Path) -> None:
        base = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME") if key in os.environ}
        full = {**base, "PYTHONUNBUFFERED": "1", **env}
        self._starts[name] = partial(processes.start, name, command, port, self.folder / "logs", full, cwd)
        with processes.uninterrupted():
            self.services[name] = self._starts[name]()

    @property
    def _firestore(self) -> str | None:
        """The value of FIRESTORE_EMULATOR_HOST, or None when traces are in a file."""
        return f"{HOST}:{self.services['firestore'].port}" if "firestore" in self.services else None

    def _settings(self) -> dict[str, str]:
        """The variables that the functions get in the cloud, with loopback addresses."""
        url = defaultdict(str, {name: self._routed(name) for name in self.services})
        return {
            "GRAFANA_HOST": url["loki"],
            "PROMETHEUS_HOST": url["prometheus"],
            "GITHUB_API_URL": url["github"],
            "GITHUB_TOKEN": self._token if "github" in url else "",
            "GITHUB_REPO": (self.built.github_repo or "") if "github" in url else "",
            **GRANT.settings(url["gmail"]),
            "ON_CALL_ENGINEERS": json.dumps([ON_CALL]),
            "POST_PROCESS_URL": url["hook"],
            "SAVE_OUTPUT": "true",
            "OUTPUT_DIR": str(self.folder / "briefs"),
            "TRACES_PROVIDER": "firestore" if self._firestore else "embedded",
            "TRACES_PATH": str(trace_access.file_of(self.folder)),
            "FIRESTORE_EMULATOR_HOST": self._firestore or "",
            # Java on a busy laptop answers late; nobody waits for Google's own 20 s here.
            "FIRESTORE_TIMEOUT_S": "120",
            "WEBHOOK_API_KEY": self.options.api_key,
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "WORKFLOW_LOCATION": LOCATION,
            "WORKFLOWS_ENDPOINT": self.engine_address,
            "PUBSUB_EMULATOR_HOST": self.bus_address,
            "INCIDENT_TOPIC": topics.ALERTS,
            "DEAD_LETTER_TOPIC": topics.DEAD,
            "WAKE_TOPIC": topics.WAKE,
            # Shorter than all attempts of the emulator, which delivers each second.
            "START_LEASE_SECONDS": str(START_LEASE_S),
            **self.options.model.settings(url.get("gemini", "")),
        }

    def _approval(self, port: int) -> dict[str, str]:
        """The variables that PR_MODE=approval and the webhook need, without the mode itself."""
        return {
            "APPROVAL_SIGNING_KEY": secrets.token_hex(32),
            "APPROVAL_URL": f"http://{HOST}:{port}",
            "WORKFLOW_CALLBACK_ROOT": f"{self.services['engine'].url}/",
            "GITHUB_WEBHOOK_SECRET": self._webhook_secret,
        }

    def _write_map(self) -> None:
        """Write the pid and URL of each process to stack.json, for people and for the other commands."""
        running: dict[str, Any] = {
            name: {"pid": service.process.pid, "url": service.url} for name, service in self.services.items()
        }
        (self.folder / "stack.json").write_text(json.dumps(running, indent=2), encoding="utf-8")


# Variables that the platform or a client library reads directly, so no Settings class has them.
PLATFORM = ("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST")
