"""Names of variables: each is read by something, and is one that the operator sets."""

from collections.abc import Iterable
from difflib import get_close_matches

from infra.doctor import variables
from infra.doctor.check import Check, wrong

SET_BY_THE_STACK = frozenset(
    {
        "APPROVAL_URL",
        "DEAD_LETTER_TOPIC",
        "FIRESTORE_EMULATOR_HOST",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "INCIDENT_TOPIC",
        "POST_PROCESS_FUNCTION_URL",
        "PUBSUB_EMULATOR_HOST",
        "STEP_PUBLIC_KEYS",
        "STEP_SIGNING_KEY",
        "TRACES_PATH",
        "TRACES_PROVIDER",
        "WAKE_TOPIC",
        "WORKFLOWS_ENDPOINT",
        "WORKFLOW_CALLBACK_ROOT",
        "WORKFLOW_LOCATION",
    }
)
"""What `make local` must choose itself, or its processes would not find each other; it has no account for Vertex AI."""


def check_names(names: Iterable[str]) -> list[Check]:
    """Return each name that nothing reads, with the nearest that is read."""
    return [_unread(name) for name in names if name not in variables.every()]


def check_stack_names(names: Iterable[str]) -> list[Check]:
    """Return each name that the local stack sets itself."""
    return [
        wrong(f"{name} is set, and `make local` works with its own value alone", f"delete {name} from .env")
        for name in names
        if name in SET_BY_THE_STACK
    ]


def nearest(name: str) -> str:
    """Return the name that was probably meant, or an empty text."""
    names = variables.every()
    if name.upper() in names:
        return name.upper()
    # By difflib's own measure of what looks alike.
    return next(iter(get_close_matches(name.upper(), names, n=1)), "")


def _unread(name: str) -> Check:
    meant = nearest(name)
    fix = f"write {meant}" if meant else f"delete {name}; .env.example lists every variable"
    return wrong(f"{name} is no variable of Incident CoPilot, so nothing reads it", fix)
