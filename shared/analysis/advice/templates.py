"""Templates of the commands and pages that go with advice, built in and set by the operators, and filling them."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from string import Formatter
from typing import Annotated, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.contracts import Command
from shared.errors import Misconfigured
from shared.settings import Settings

AdviceId = Literal[
    "roll_back",
    "revert_commit",
    "look_elsewhere",
    "check_dependency",
    "add_capacity",
    "restore_configuration",
    "find_crash",
    "check_logs",
    "check_instances",
    "fix_code",
    "relieve_dependency",
    "follow_runbook",
]
"""The advice there is."""
PLACEHOLDERS = (
    "service",
    "namespace",
    "deployment",
    "version_before",
    "version_after",
    "dependency",
    "suspect",
    "sha",
)
_PLACES = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS) + " and {label.<name of an alert's label>}"
_LABEL = re.compile(r"label\.[\w-]{1,100}")


class AdviceTemplate(BaseModel):
    """One command or one page that goes with one kind of advice, with places for values of the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    goes_with: AdviceId
    what: str = Field(min_length=1, max_length=200)
    command: str = Field("", max_length=1000)
    link: str = Field("", max_length=1000)
    services: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default=["*"], max_length=50)
    is_off: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Raise ValueError saying what to write instead."""
        if not self.is_off and bool(self.command) == bool(self.link):
            raise ValueError("give it either a `command` or a `link`, or `is_off` to switch off a built-in one")
        if "\n" in self.command + self.what:
            raise ValueError("`what` and `command` are one line each")
        parts = urlsplit(self.link)
        if self.link and (parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc):
            raise ValueError("`link` must be a whole http or https address whose host has no placeholder")
        for place in self.places:
            if place not in PLACEHOLDERS and not _LABEL.fullmatch(place):
                raise ValueError(f"there is no placeholder {{{place}}}: use {_PLACES}; a brace itself is written twice")
        return self

    @property
    def places(self) -> list[str]:
        """The placeholders, in their order. Raises ValueError for a brace without its pair."""
        try:
            parts = list(Formatter().parse(self.command or self.link))
        except ValueError as error:
            raise ValueError(f"{error}: a brace itself is written twice") from None
        return [
            f"{place}{'!' if conversion else ''}{conversion or ''}{':' if spec else ''}{spec}"
            for _, place, spec, conversion in parts
            if place is not None
        ]

    def filled(self, values: Mapping[str, str]) -> Command | None:
        """Return it filled, or None when the evidence lacks a value."""
        if self.is_off or any(place not in values for place in self.places):
            return None
        if self.command:
            return Command(what=self.what, command=_filled(self.command, values))
        return Command(
            what=self.what, link=_filled(self.link, {name: quote(text, "") for name, text in values.items()})
        )


class AdviceSettings(Settings):
    """What operators add to the advice."""

    advice_templates: list[AdviceTemplate] = Field(
        default_factory=list,
        max_length=50,
        description="JSON list of commands and pages that go with advice, filled from the evidence; see README.",
    )

    def templates(self) -> tuple[AdviceTemplate, ...]:
        """Return the built-in templates and these; one with the name of a built-in takes its place."""
        by_name = {one.name: one for one in (*BUILT_IN, *self.advice_templates)}
        return tuple(by_name.values())


BUILT_IN = (
    AdviceTemplate(
        name="kubernetes_undo",
        goes_with="roll_back",
        what="In Kubernetes",
        command="kubectl --namespace {namespace} rollout undo deployment/{deployment}",
    ),
    AdviceTemplate(
        name="kubernetes_pods",
        goes_with="check_instances",
        what="In Kubernetes, with restarts and age",
        command="kubectl --namespace {namespace} get pods --output wide",
    ),
    AdviceTemplate(
        name="git_revert",
        goes_with="revert_commit",
        what="On a branch of the repository",
        command="git revert --no-edit {sha}",
    ),
)


def configured() -> tuple[tuple[AdviceTemplate, ...], str | None]:
    """Return the templates, and why those of the operators are left out, if they are: a typo costs no advice."""
    try:
        return AdviceSettings.from_env().templates(), None
    except Misconfigured as error:
        return BUILT_IN, f"The advice goes without the commands of ADVICE_TEMPLATES. {error}"


def commands_for(
    advice: str, service: str, values: Mapping[str, str], templates: Sequence[AdviceTemplate]
) -> list[Command]:
    """Return the commands and pages that go with a piece of advice about a service; none that lacks a value."""
    fitting = [
        one
        for one in templates
        if one.goes_with == advice and any(fnmatchcase(service, pattern) for pattern in one.services)
    ]
    return [command for one in fitting if (command := one.filled(values)) is not None]


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Fill the places; `str.format` would read `{label.team}` as an attribute."""
    return "".join(
        before + (values[place] if place is not None else "") for before, place, _, _ in Formatter().parse(text)
    )
