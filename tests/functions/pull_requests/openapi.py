"""GitHub's published OpenAPI description: what its REST API accepts and returns."""

import json
import re
import subprocess
import tarfile
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft4Validator

Json = dict[str, Any]

PACKAGE, VERSION = "@octokit/openapi", "23.0.2"
MEMBER = "package/generated/api.github.com.json"
DOWNLOAD_TIMEOUT_S = 180

_KEYWORDS = {"type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"}


def fetched(cache: Path) -> Path:
    """
    Return the description's file, from npm when the cache has none: a download of 29 MB once, 13 MB on disk.

    Raises subprocess.SubprocessError when npm fails.
    """
    file = cache / f"octokit-openapi-{VERSION}.json"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", str(cache)]
        done = subprocess.run(command, cwd=cache, capture_output=True, check=True, timeout=DOWNLOAD_TIMEOUT_S)
        packed = cache / done.stdout.decode().strip().splitlines()[-1]
        with tarfile.open(packed) as archive:
            member = archive.extractfile(MEMBER)
            assert member is not None
            fresh = file.with_suffix(".new")
            fresh.write_bytes(member.read())
        fresh.replace(file)
        packed.unlink()
    return file


class OpenApi:
    """The description, queried about single calls; an empty list of problems means that a call is right."""

    def __init__(self, path: Path) -> None:
        self._all: Json = json.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], Json]]:
        # The more literal path first: `{ref}` matches slashes, and would hide the others.
        templates = sorted(self._all["paths"], key=lambda path: (path.count("{"), -len(path)))
        return [(_pattern(template), self._all["paths"][template]) for template in templates]

    def operation(self, method: str, path: str) -> Json | None:
        """Return the operation of a call, or None when the API has none."""
        matches = (item for pattern, item in self._paths if pattern.fullmatch(path) and method.lower() in item)
        item = next(matches, None)
        return None if item is None else dict(item[method.lower()])

    def request_problems(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> list[str]:
        """Return what is wrong with a request: its address, its parameters, its body."""
        operation = self.operation(method, path)
        if operation is None:
            return [f"{method} {path} is not an operation"]
        return self._query_problems(operation, query) + self._body_problems(operation, body)

    def answer_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Return what is wrong with the parts of an answer that are there; parts may be missing."""
        operation = self.operation(method, path) or {"responses": {}}
        described = self._resolved(operation["responses"].get(str(status), {}))
        schema = described.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            return [] if body in (None, "") else [f"{method} {path} answers {status} with no described body"]
        return _problems(self._plain(schema, is_whole=False), body)

    def _query_problems(self, operation: Json, query: dict[str, list[str]]) -> list[str]:
        parameters = {each["name"]: each for part in operation.get("parameters", []) if (each := self._resolved(part))}
        problems = [f"unknown parameter {name}" for name in query if parameters.get(name, {}).get("in") != "query"]
        for name in set(query) & set(parameters):
            schema = self._plain(parameters[name].get("schema", {}), is_whole=True)
            value: Any = query[name][0]
            is_number = schema.get("type") == "integer" and value.lstrip("-").isdigit()
            problems += [f"{name}: {problem}" for problem in _problems(schema, int(value) if is_number else value)]
        return problems

    def _body_problems(self, operation: Json, body: Any) -> list[str]:
        described = self._resolved(operation.get("requestBody", {}))
        schema = described.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            return [] if body is None else ["a body where none is accepted"]
        plain = self._plain(schema, is_whole=True)
        unknown = set(body or {}) - set(plain["properties"]) if "properties" in plain else set()
        return [f"unknown field {name}" for name in sorted(unknown)] + _problems(plain, body)

    def _resolved(self, part: Json) -> Json:
        while "$ref" in part:
            target: Any = self._all
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name.replace("~1", "/").replace("~0", "~")]
            part = target
        return part

    def _plain(self, schema: Json, *, is_whole: bool, depth: int = 0) -> Json:
        """Return a JSON Schema: references followed, `nullable` spelled out, `required` kept when `is_whole`."""
        schema = self._resolved(schema)
        if depth > 12:
            return {}
        plain: Json = {}
        for key, value in schema.items():
            if key == "properties":
                plain[key] = {
                    name: self._plain(each, is_whole=is_whole, depth=depth + 1) for name, each in value.items()
                }
            elif key in ("items", "not") or (key == "additionalProperties" and isinstance(value, dict)):
                plain[key] = self._plain(value, is_whole=is_whole, depth=depth + 1)
            elif key in ("allOf", "anyOf", "oneOf"):
                # Without `required`, more than one of the alternatives may fit.
                name = key if is_whole or key != "oneOf" else "anyOf"
                plain[name] = [self._plain(each, is_whole=is_whole, depth=depth + 1) for each in value]
            elif key in _KEYWORDS or (key == "required" and is_whole and value):
                plain[key] = value
        return {"anyOf": [{"type": "null"}, plain]} if schema.get("nullable") else plain


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", template)
    wide = {"{ref}", "{path}", "{branch}", "{basehead}"}
    return re.compile(
        "".join(("(.+)" if part in wide else "([^/]+)") if part.startswith("{") else re.escape(part) for part in parts)
    )


def _problems(schema: Json, value: Any) -> list[str]:
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in
            Draft4Validator(schema).iter_errors(value)]  # fmt: skip


def path_of(raw_path: str) -> str:
    """Return the decoded path of an address."""
    return unquote(raw_path.split("?")[0])
