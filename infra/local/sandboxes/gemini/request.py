"""One generateContent request as the sandbox reads it: its schema, tools and evidence."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_FENCED = re.compile(r"<(\w+) untrusted=(\w+)>\n(.*?)\n</\1 untrusted=\2>", re.DOTALL)


@dataclass(frozen=True)
class ModelRequest:
    """A request's body, with the properties that scripts need."""

    model: str
    body: dict[str, Any]

    @property
    def title(self) -> str:
        """Name of the contract the answer must follow; it identifies the agent. Empty when no schema was sent."""
        return str(self.schema.get("title", ""))

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the answer, empty when none was sent."""
        return dict(self.body.get("generationConfig", {}).get("responseJsonSchema") or {})

    @property
    def tools(self) -> list[str]:
        """Names of the declared functions."""
        declared = [tool.get("functionDeclarations", []) for tool in self.body.get("tools", [])]
        return [function["name"] for functions in declared for function in functions]

    @property
    def may_call(self) -> bool:
        """Whether a function may be called in this turn."""
        mode = self.body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode", "AUTO")
        return bool(self.tools) and mode != "NONE"

    @property
    def turns(self) -> int:
        """How many turns the model has taken before."""
        return sum(content.get("role") == "model" for content in self.body["contents"])

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The fenced evidence of the first message, by name; text that is not JSON is left out."""
        facts: dict[str, Any] = {}
        for name, _, text in _FENCED.findall(_text(self.body["contents"][0])):
            try:
                facts[name] = json.loads(text)
            except ValueError:
                continue
        return facts

    @property
    def evidence(self) -> list[dict[str, Any]]:
        """Every piece of evidence in the facts."""
        return [piece for fact in self.facts.values() for piece in fact.get("evidence", [])]

    @property
    def chars(self) -> int:
        """Length of everything that is sent to the model."""
        others = (self.body.get("systemInstruction", ""), self.body.get("tools", ""))
        return sum(len(json.dumps(part)) for part in (*self.body["contents"], *others))


def _text(content: dict[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", []))
