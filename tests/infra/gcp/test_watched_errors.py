"""Every error that a function logs is counted by a metric that a policy watches, or is on a list with its reason."""

import ast
import re
from pathlib import Path

import pytest

from infra import bundle

METRICS = (bundle.ROOT / "infra" / "gcp" / "metrics.tf").read_text().replace("\\", "")
ALERTS = (bundle.ROOT / "infra" / "gcp" / "alerts.tf").read_text()
README = (bundle.ROOT / "infra" / "README.md").read_text()
LISTS = dict(re.findall(r"^ {4}(\w+) = \[\n(.*?)^ {4}\]$", METRICS, re.MULTILINE | re.DOTALL))
COUNTERS = {
    name: re.sub(r"\$\{local\.any_of\.(\w+)\}", lambda match: LISTS[match[1]], text)
    for name, text in re.findall(r"^ {4}(\w+) += \{ filter = (.*)$", METRICS, re.MULTILINE)
}
POLICIES = dict(re.findall(r"^ {4}(\w+) = \{\n(.*?)^ {4}\}$", ALERTS, re.MULTILINE | re.DOTALL))

UNWATCHED = {
    "alert_intake.failed": "It answers 5xx, which endpoints_failing counts.",
    "brief.links_misconfigured": "`make deploy` refuses the value; the brief goes out without those links.",
    "brief.no_chart": "The brief goes out without its chart.",
    "brief.timezone_misconfigured": "`make deploy` refuses the value; the brief goes out with its times in UTC.",
    "budget.unknown": "Firestore failed, which fails the step or its storing too; the ceiling of an incident holds.",
    "operator_journal.unreadable": "One entry that a person made in the console is passed over; the others hold.",
    "outbox.page_misconfigured": "`make deploy` refuses the value; the message goes out without that link.",
    "post_process.history_unread": "The brief goes out without how often its alert was seen before.",
    "post_process.no_opening": "The brief goes out without a model's opening and without what was seen before.",
    "step.ended": "The brief is published as degraded and names the step; the dashboard shows them by agent.",
    "workflow_starter.dead_lettered": "The message is in the dead-letter topic, which dead_letters watches.",
}


def events(path: Path) -> set[str]:
    """Return the events that a file logs as an error or worse, also by a name that stands for one of two severities."""
    tree = ast.parse(path.read_text())
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and re.search(r"\blog\.(error|critical)\b", ast.unparse(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    errors = [one for one in calls if ast.unparse(one.func) in {"log.error", "log.critical", *names}]
    literals = [one.args[0] for one in errors if one.args]
    assert all(isinstance(one, ast.Constant) for one in literals), f"{path}: an event is no plain text"
    return {str(one.value) for one in literals if isinstance(one, ast.Constant)}


def logged() -> set[str]:
    """Return every event that the product logs as an error or worse."""
    files = [path for folder in ("functions", "shared") for path in (bundle.ROOT / folder).rglob("*.py")]
    return {event for path in files for event in events(path)}


def counted(text: str) -> set[str]:
    """Return the events that a filter names."""
    return set(re.findall(r'"([a-z_]+\.[a-z_]+)"', text))


def watched(policy: str) -> set[str]:
    """Return the events that the metrics of a policy's query count."""
    metrics = re.findall(r"local\.log_metric\}_(\w+?)(?:_bucket|_sum)?\$", POLICIES[policy])
    return {event for metric in metrics for event in counted(COUNTERS.get(metric, ""))}


def test_every_error_is_watched_or_is_on_the_list() -> None:
    """What nobody watches, nobody notices."""
    everything = {event for policy in POLICIES for event in watched(policy)}

    assert len(logged()) > 25
    assert logged() - everything - set(UNWATCHED) == set()
    assert set(UNWATCHED) - logged() == set()
    assert set(UNWATCHED) & everything == set()
    assert all(len(reason.split()) >= 6 for reason in UNWATCHED.values())


def test_error_behind_a_chosen_severity_is_seen(tmp_path: Path) -> None:
    """`say = log.warning if … else log.error` logs an error too."""
    path = tmp_path / "x.py"
    path.write_text(
        'say = log.warning if a else log.error\nsay("x.failed")\nlog.critical("x.bug")\nlog.info("x.done")\n'
    )

    assert events(path) == {"x.failed", "x.bug"}


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_policy_has_a_section_of_the_runbook_that_names_what_it_counts(policy: str) -> None:
    """Who is woken finds under the policy's name each log line that may have woken them."""
    (section,) = re.findall(rf"^### {policy}\n(.*?)(?=^##)", README, re.MULTILINE | re.DOTALL)

    assert [event for event in sorted(watched(policy)) if f"`{event}`" not in section] == []


@pytest.mark.parametrize(
    "policy", ["published_to_nobody", "channel_failing", "retries_given_up", "mail_refused", "grant_ending"]
)
def test_delivery_has_its_policies(policy: str) -> None:
    """A message that does not go out is noticed by somebody."""
    assert watched(policy)
