"""What advice may be filled with: values of the evidence that are names and nothing else."""

import re

from shared.contracts import Alert, Change, Incident
from shared.text.harmless import defanged
from shared.text.plain_text import as_rendered

_NAME = re.compile(r"(?!.*(?:\$\(|://))[^\s|;&<>`'\"“”\u2018\u2019]{1,120}")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,119}")
_POD = re.compile(r"([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)-[a-z0-9]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}")
"""Deployment, hash of the replica set, and the five characters that Kubernetes draws. Source: apimachinery, rand.go."""
_NAMESPACE_LABELS = ("namespace", "exported_namespace", "kubernetes_namespace", "k8s_namespace_name")
_DEPLOYMENT_LABELS = ("deployment", "k8s_deployment_name")


def name(value: str, otherwise: str = "") -> str:
    """
    Return a value for a sentence of advice, or `otherwise` when it is no name.

    A log line can hold any text, and a sentence of it inside advice would be advice: a name is one word, of bounded
    length, without marks of a shell, a page or a quotation and without an address.
    """
    seen = as_rendered(value)
    return seen if _NAME.fullmatch(seen) else otherwise


def service_name(alert: Alert) -> str:
    """Return how advice calls the alert's service: a label can hold any text too."""
    return name(alert.service_name, "the service")


def token(value: str) -> str:
    """
    Return a value for a command or an address, or nothing: then there is none.

    It is never quoted instead, as shells quote differently and a template may have quotation marks of its own. It
    starts with a letter or a digit, so that it is no option, and a mail program makes no link of it.
    """
    return value if _TOKEN.fullmatch(value) and defanged(value) == value else ""


def values_of(alert: Alert, incident: Incident, **more: str) -> dict[str, str]:
    """Return what templates may be filled with, by placeholder; what is no token is left out."""
    labels = alert.labels
    values = {
        "service": alert.service_name,
        "namespace": next((labels[label] for label in _NAMESPACE_LABELS if label in labels), ""),
        "suspect": incident.suspect_service,
        **{f"label.{label}": value for label, value in labels.items()},
        **more,
    }
    return {placeholder: checked for placeholder, value in values.items() if (checked := token(value))}


def deployment_of(alert: Alert, change: Change | None) -> str:
    """Return the Kubernetes deployment whose rollout was seen: by the alert's label, else by the names of its pods."""
    if change is None or change.kind != "rollout":
        return ""
    if named := next((alert.labels[label] for label in _DEPLOYMENT_LABELS if label in alert.labels), ""):
        return named
    pods = [_POD.fullmatch(instance) for instance in change.instances]
    deployments = {match[1] for match in pods if match}
    return deployments.pop() if len(deployments) == 1 and all(pods) else ""
