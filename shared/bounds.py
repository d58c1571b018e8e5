"""Field types that keep their own bounds, and the base of every contract that uses them.

    Name 200 · Line 300 · Sentence 500 · Paragraph 1000 · Passage 2000 · Page 3000   prose: a cut text ends with "…"
    Annotated[str, Verbatim(n)]    quoted later, so a cut one has no mark and stays part of its source
    FilePath                       a truncated one keeps its end, by which files differ
    Url, Query                     one that is too long is left out: part of an address or a query is of no use
    Measurement                    a number that cannot be calculated with is absent (NaN, infinite, over 1e30)
    Annotated[list[X], Keep(n)]    keeps the most important n; `left_out` of the contract says how many it lost

What means something only when whole (`Ref`: a repository, a branch, a commit; an id, an edit) has a plain `max_length`:
too long is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema


def clip(text: str, chars: int, mark: str = "…") -> str:
    """Return at most `chars` characters, ending in `mark` when some were left out."""
    return text if len(text) <= chars else text[: chars - len(mark)].rstrip() + mark


def both_ends(text: str, chars: int) -> str:
    """Return a text that is too long without its middle: the end may tell more than the start."""
    half = (chars - 3) // 2
    return text if len(text) <= chars else f"{text[:half]} … {text[-half:]}"


def storable(text: str) -> str:
    """Return the text as UTF-8 can hold it: half a surrogate pair, which JSON can bring, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True)
class AtMost:
    """A text of at most `limit` characters; a longer one is cut, and `mark` stands where the rest was."""

    limit: int
    mark: str = "…"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Shorten first, then check: the bound also stands in the JSON schema."""
        return core_schema.no_info_before_validator_function(self._of, {**handler(source), "max_length": self.limit})

    def _of(self, value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value if value.isascii() else storable(value)
        return self.shorten(text) if len(text) > self.limit else text

    def shorten(self, text: str) -> str:
        """Return the first characters of a text that is too long."""
        return clip(text, self.limit, self.mark)


@dataclass(frozen=True)
class Verbatim(AtMost):
    """A text that is quoted later: a longer one loses its end (`keeps_end`: its start) without a mark."""

    mark: str = ""
    keeps_end: bool = False

    def shorten(self, text: str) -> str:
        """Return the part of a text that is kept."""
        return text[-self.limit :] if self.keeps_end else text[: self.limit]


@dataclass(frozen=True)
class WholeOrNothing(AtMost):
    """A text that is of use only when whole: a longer one becomes empty."""

    def shorten(self, text: str) -> str:
        """Return nothing of it."""
        return text[:0]


@dataclass(frozen=True)
class Address(WholeOrNothing):
    """The address of a page, which people may open."""


Name = Annotated[str, AtMost(200)]
Line = Annotated[str, AtMost(300)]
Sentence = Annotated[str, AtMost(500)]
Paragraph = Annotated[str, AtMost(1000)]
Passage = Annotated[str, AtMost(2000)]
Page = Annotated[str, AtMost(3000)]
Url = Annotated[str, Address(2000)]
Query = Annotated[str, WholeOrNothing(2000)]
FilePath = Annotated[str, Verbatim(500, keeps_end=True)]
Ref = Annotated[str, Field(max_length=255)]


LARGEST = 1e30
"""What is drawn and said of a larger number may not be calculable any more; nothing in a service is so large."""


def _calculable(value: object) -> object:
    """Return the number, or None for one that is too large to calculate with, or is none."""
    return value if not isinstance(value, int | float) or abs(value) <= LARGEST else None


Measurement = Annotated[float | None, BeforeValidator(_calculable)]


@dataclass(frozen=True)
class Keep:
    """
    A list or a mapping of at most `limit` entries; a longer one keeps those of the highest rank, in their order.

    `rank(contract, entry)` says how important an entry is (an entry of a mapping is its pair); without it the first
    entries are the most important ones.
    """

    limit: int
    rank: Callable[[Any, Any], float] | None = None

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell the bound to whoever writes such a list."""
        described = handler(schema)
        return {**described, "maxItems" if described.get("type") == "array" else "maxProperties": self.limit}

    def most_important(self, contract: "Contract", entries: Sequence[Any]) -> list[Any]:
        """Return the most important entries in the order they have."""
        indices = list(range(len(entries)))
        if rank := self.rank:
            indices = sorted(indices, key=lambda index: -rank(contract, entries[index]))
        return [entries[index] for index in sorted(indices[: self.limit])]


@dataclass(frozen=True)
class FirstToGo:
    """A field that goes before any other shrinks where a contract must fit: nothing is decided from it."""


def marks_of(annotation: Any, metadata: Sequence[Any] = ()) -> list[Any]:
    """Return the marks of a field's type, also where the type is one option of a union: `Url | None`."""
    options = (annotation, *get_args(annotation))
    return [*metadata, *(mark for option in options for mark in getattr(option, "__metadata__", ()))]


class Contract(BaseModel):
    """Base of every message: immutable, changed by `replace` alone; unknown fields are ignored."""

    # A contract is built where it is first used, under pydantic's lock: each function loads all of them and uses some.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    left_out: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict,
        exclude_if=lambda counts: not counts,
        repr=False,
        description="How many entries a list lost to its bound, by the list's name.",
    )

    def replace(self, **changes: Any) -> Self:
        """
        Return a copy with these fields changed, checked as a new one is.

        Raises ValidationError when a value breaks the contract, TypeError when it has no such field.
        """
        if unknown := sorted(changes.keys() - type(self).model_fields.keys()):
            raise TypeError(f"{type(self).__name__} has no field {', '.join(unknown)}")
        counts = {**self.left_out, **changes.pop("left_out", {})}
        return type(self).model_validate({**dict(self), **changes, "left_out": counts})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; pydantic's own way to change one skips every check, so `update` goes the checked way."""
        return self.replace(**update) if update else super().model_copy(deep=deep)

    @model_validator(mode="after")
    def _keep_the_most_important(self) -> Self:
        """Shorten lists that are too long. The instance is new, so nobody has seen it longer."""
        for name, field in type(self).model_fields.items():
            keep = next((mark for mark in field.metadata if isinstance(mark, Keep)), None)
            value = getattr(self, name)
            if keep is None or value is None or len(value) <= keep.limit:
                continue
            pairs = isinstance(value, dict)
            entries = keep.most_important(self, list(value.items()) if pairs else value)
            self.__dict__[name] = dict(entries) if pairs else entries
            self.__dict__["left_out"] = {**self.left_out, name: self.left_out.get(name, 0) + len(value) - len(entries)}
            self.__pydantic_fields_set__.add("left_out")
        return self


Message = TypeVar("Message", bound=Contract)


def map_texts(contract: Message, kind: type[AtMost], change: Callable[[str], str]) -> Message:
    """
    Return the contract with `change` applied to each text that has exactly this kind of bound, however deep.

    A text that becomes empty where the default is None becomes None.
    """
    changes = {}
    for name, field in type(contract).model_fields.items():
        value = getattr(contract, name)
        if isinstance(value, str | list | Contract):
            mapped = _mapped(value, field.annotation, marks_of(field.annotation, field.metadata), kind, change)
            changes[name] = None if mapped == "" and field.default is None else mapped
    return contract.replace(**changes)


def _mapped(value: Any, annotation: Any, marks: Sequence[Any], kind: type[AtMost], change: Callable[[str], str]) -> Any:
    match value:
        case Contract():
            return map_texts(value, kind, change)
        case str() if value and any(type(mark) is kind for mark in marks):
            return change(value)
        case list():
            inner = next(iter(get_args(annotation)), None)
            return [_mapped(each, inner, marks_of(inner), kind, change) for each in value]
    return value
