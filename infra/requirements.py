"""Which third-party packages a function needs: computed from what its bundle imports, written beside its main.py.

python -m infra.requirements           rewrites functions/*/requirements.txt
"""

import sys
from pathlib import Path

from infra import bundle, wheels

# Import name → distribution. `google.*` is one namespace of many distributions, so the longest prefix counts.
DISTRIBUTIONS = {
    "PIL": "Pillow",
    "anyio": "anyio",
    "cloudevents": "cloudevents",
    "cryptography": "cryptography",
    "flask": "functions-framework",
    "functions_framework": "functions-framework",
    "github": "PyGithub",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.firestore": "google-cloud-firestore",
    "google.cloud.firestore_v1": "google-cloud-firestore",
    "google.cloud.pubsub_v1": "google-cloud-pubsub",
    "google.cloud.workflows": "google-cloud-workflows",
    "google.genai": "google-genai",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "google.pubsub_v1": "google-cloud-pubsub",
    "google_auth_httplib2": "google-auth-httplib2",
    "googleapiclient": "google-api-python-client",
    "grpc": "grpcio",
    "httplib2": "httplib2",
    "httpx2": "httpx2",
    "jinja2": "Jinja2",
    "jwt": "PyJWT",
    "markupsafe": "Jinja2",
    "mcp": "mcp",
    "mrml": "mrml",
    "pathspec": "pathspec",
    "pydantic": "pydantic",
    "pydantic_core": "pydantic",
    "requests": "requests",
    "tree_sitter": "tree-sitter",
    "tree_sitter_go": "tree-sitter-go",
    "tree_sitter_java": "tree-sitter-java",
    "tree_sitter_javascript": "tree-sitter-javascript",
    "tree_sitter_typescript": "tree-sitter-typescript",
    "typing_extensions": "typing-extensions",
    "urllib3": "urllib3",
    "werkzeug": "functions-framework",
    "yaml": "PyYAML",
}


def distributions(name: str) -> set[str]:
    """
    Return the distributions a function's bundle imports, and functions-framework, which serves it.

    Raises KeyError naming an import that the table does not know.
    """
    dotted = bundle.closure(name).imports()
    return {"functions-framework"} | {package for each in dotted if (package := _distribution(each))}


def _distribution(dotted: str) -> str | None:
    parts = dotted.split(".")
    if parts[0] in sys.stdlib_module_names or parts[0] == "shared" or dotted in _NAMESPACES:
        return None
    for depth in range(len(parts), 0, -1):
        if name := DISTRIBUTIONS.get(".".join(parts[:depth])):
            return name
    raise KeyError(f"{dotted}: name its distribution in infra/requirements.py")


# `from google import genai` is seen as `google` and `google.genai`; the first alone says nothing.
_NAMESPACES = {"google", "google.cloud"}


def text(name: str) -> str:
    """
    Return the function's requirements.txt: every package that is installed, by version and hash.

    A build keeps what it installed for the same file, so what it installs must all be in it.
    """
    lines = [package.line() for package in wheels.closure(distributions(name), wheels.packages())]
    return "\n".join(["--require-hashes", *lines]) + "\n"


def path(name: str) -> Path:
    """Return the path of the function's requirements.txt."""
    return bundle.FUNCTIONS / name / "requirements.txt"


def all_text() -> str:
    """Return functions/requirements.txt: what all functions together need, for one virtual environment."""
    wanted = set().union(*(distributions(name) for name in bundle.names()))
    return "\n".join(["-c ../infra/constraints.txt", *sorted(wanted, key=str.lower)]) + "\n"


ALL = bundle.FUNCTIONS / "requirements.txt"

if __name__ == "__main__":
    for function in bundle.names():
        path(function).write_text(text(function), encoding="utf-8")
    ALL.write_text(all_text(), encoding="utf-8")
