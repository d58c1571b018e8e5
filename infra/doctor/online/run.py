"""The checks that ask other systems, all at once, and none for longer than a person waits."""

import contextlib
import io
import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue

from infra.doctor.check import Check, unknown, without_secrets
from infra.doctor.environment import TIMEOUT_S, environment
from infra.doctor.online import channels, code_host, language_model, real_sources, telemetry
from shared.containment import contained
from shared.errors import IncidentCopilotError

Ask = Callable[[], list[Check]]
MIX: dict[str, Ask] = {"the sources": real_sources.check_real_sources}
"""That real systems are not mixed with sandboxes, which no stack may start with."""
QUICK: dict[str, Ask] = {
    "Loki": telemetry.check_loki,
    "Prometheus": telemetry.check_prometheus,
    "Grafana": telemetry.check_grafana,
    "GitHub": code_host.check_github,
    "mail": channels.check_mail,
    "the schedule": channels.check_schedule,
    "the hooks": channels.check_hooks,
}
"""Those that cost nothing, by what they ask."""
ALL: dict[str, Ask] = {**MIX, **QUICK, "the model": language_model.check_model}
# A check makes a few requests, one after another, and looking up a host's name has no timeout of its own.
LIMIT_S = 6 * TIMEOUT_S


def check_network(
    values: Mapping[str, str], questions: Mapping[str, Ask] = ALL, limit_s: float = LIMIT_S
) -> list[Check]:
    """Return the checks in the order of `questions`; one that takes longer than `limit_s` seconds is given up."""
    # The lines of the log would stand between those of the checks.
    with environment(values), contextlib.redirect_stdout(io.StringIO()):
        answers = {subject: _started(ask) for subject, ask in questions.items()}
        checks = [check for subject, answer in answers.items() for check in _ended(subject, answer, limit_s)]
    return without_secrets(checks, values)


def _started(ask: Ask) -> SimpleQueue[list[Check]]:
    answer: SimpleQueue[list[Check]] = SimpleQueue()
    # A daemon, so that one that hangs does not hold the process.
    threading.Thread(target=lambda: answer.put(_checks(ask)), daemon=True).start()
    return answer


def _checks(ask: Ask) -> list[Check]:
    def note(error: Exception) -> list[Check]:
        if isinstance(error, IncidentCopilotError):
            # A setting that is wrong: the checks without network have named it.
            return []
        return [unknown(f"a check failed by itself ({type(error).__name__})")]

    return contained(ask, note)


def _ended(subject: str, answer: SimpleQueue[list[Check]], limit_s: float) -> list[Check]:
    try:
        return answer.get(timeout=limit_s)
    except Empty:
        return [unknown(f"{subject} did not answer in {limit_s:g} s")]
