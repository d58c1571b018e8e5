"""What an alert is about: the service that its labels name, else the workload, the host or the rule. Pure."""

import re
from collections.abc import Mapping, Sequence

SERVICE_LABELS = [
    "service_name",
    "service",
    "app",
    "application",
    "app_kubernetes_io_name",
    "job",
    "deployment",
    "container",
]
"""Labels that may name the service, best first."""

CONTROLLERS = (
    "deployment",
    "statefulset",
    "daemonset",
    "cronjob",
    "rollout",
    "job_name",
    "workload",
)
"""Labels of Kubernetes alerts that name what runs, as kube-state-metrics and the rules built on it write them."""
PARTS = ("service", "job", "container")
"""Labels that may name something else than what runs: whatever was scraped, or one container of several."""
HOSTS = ("instance", "node", "nodename", "host", "hostname")

# Kubernetes makes suffixes of these characters alone, so that they spell no words.
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_OF_DEPLOYMENT = re.compile(rf"-[{_SAFE}]{{6,10}}-[{_SAFE}]{{5}}$")
_OF_OTHERS = re.compile(rf"(-[0-9]{{8,10}})?-[{_SAFE}]{{5}}$|-[0-9]{{1,4}}$")


def service_of(labels: Mapping[str, str], service_labels: Sequence[str]) -> str:
    """
    Return the service, or an empty text when no label names one.

    In alerts on Kubernetes objects `service` and `job` name what measured them; they count only when they agree with
    the object. Source: https://github.com/kubernetes/kube-state-metrics, whose metrics carry both.
    """
    workload = workload_of(labels)
    for name in service_labels:
        value = labels.get(name, "")
        if value and (name not in PARTS or not workload or _agree(value, workload)):
            return value
    return workload


def workload_of(labels: Mapping[str, str]) -> str:
    """Return the Kubernetes workload that the alert is about, without the suffixes of its pods; empty when none is."""
    named = next((labels[name] for name in CONTROLLERS if labels.get(name)), "")
    if named:
        return named
    pod = labels.get("pod") or labels.get("pod_name") or ""
    return _OF_OTHERS.sub("", pod) if _OF_DEPLOYMENT.search(pod) is None else _OF_DEPLOYMENT.sub("", pod)


def subject_of(labels: Mapping[str, str]) -> str:
    """Return what an alert without a service is about: its host, else its rule; empty when it names nothing."""
    host = next((labels[name] for name in HOSTS if labels.get(name)), "")
    return re.sub(r":[0-9]{1,5}$", "", host) or labels.get("alertname", "")


def _agree(value: str, workload: str) -> bool:
    """Return whether two names are of one thing: one begins with the other, as `orders` and `orders-http` do."""
    short, long = sorted((value.rpartition("/")[2], workload), key=len)
    return long == short or long.startswith(f"{short}-")
