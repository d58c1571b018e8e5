"""Reads Loki's answers: lines of streams, and counts by time."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.errors import Rejected, Unavailable
from shared.http.validation import places
from shared.telemetry.port import LogLine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Stream(BaseModel):
    stream: dict[str, str]
    values: list[tuple[int, str] | tuple[int, str, dict[str, JsonValue]]]


class _Data(BaseModel):
    resultType: Literal["streams"]  # noqa: N815  # Loki's name
    result: list[_Stream]


class _Series(BaseModel):
    values: list[tuple[float, float]]


class _SeriesData(BaseModel):
    resultType: Literal["matrix"]  # noqa: N815  # Loki's name
    result: Annotated[list[_Series], Field(max_length=1)]


class _Matrix(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    status: Literal["success"]
    data: _SeriesData


class _Answer(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    status: Literal["success"]
    data: _Data


class _StreamLabels(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    status: Literal["success"]
    data: list[dict[str, str]] = Field(default_factory=list)


def parse_series(body: object, request: str) -> list[dict[str, str]]:
    """Return the labels of each stream. Raises Unavailable when it is no answer of Loki; errors quote `request`."""
    try:
        return _StreamLabels.model_validate(body).data
    except ValidationError as error:
        raise Unavailable(f"Loki, asked for {request}, answered in an unknown format: {places(error)}") from None


def parse_lines(body: object, request: str) -> list[LogLine]:
    """
    Return the lines of all streams of a query_range answer, oldest first; errors quote `request`.

    Raises Rejected when it answers a metric query, Unavailable when it is not an answer of Loki.
    """
    data = body.get("data") if isinstance(body, dict) else None
    if isinstance(data, dict) and data.get("resultType") in ("matrix", "vector", "scalar"):
        kind = data["resultType"]
        raise Rejected(f"Loki, asked {request}, answered with a {kind}: the query computes numbers, not lines")
    try:
        answer = _Answer.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        raise Unavailable(
            f"Loki, asked {request}, answered in an unknown format: {problem['loc']} {problem['msg']}"
        ) from None
    # Within one nanosecond too, a stream is newest first; the sort is stable.
    lines = [line for stream in answer.data.result for line in reversed(_lines(stream))]
    return sorted(lines, key=lambda line: line.nanoseconds)


def parse_counts(body: object, request: str) -> dict[int, int]:
    """
    Return count by time, in seconds since 1970, of a query_range answer with at most one series.

    Raises Unavailable when it is not such an answer; errors quote `request`.
    """
    try:
        series = _Matrix.model_validate(body).data.result
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        raise Unavailable(
            f"Loki, asked {request}, answered in an unknown format: {problem['loc']} {problem['msg']}"
        ) from None
    return {round(at): int(count) for one in series for at, count in one.values}


def _lines(stream: _Stream) -> list[LogLine]:
    labels = stream.stream
    return [
        LogLine(moment(value[0]), value[0], value[1], _labels(labels, value[2]) if len(value) == 3 else labels)
        for value in stream.values
    ]


def _labels(stream: dict[str, str], extra: dict[str, JsonValue]) -> dict[str, str]:
    """Add structured metadata, which is flat, or grouped by category when labels are categorised."""
    if not extra:
        return stream
    categories = [extra[name] for name in ("structuredMetadata", "parsed") if isinstance(extra.get(name), dict)]
    flat = {name: value for part in categories or [extra] if isinstance(part, dict) for name, value in part.items()}
    return {**stream, **{name: value for name, value in flat.items() if isinstance(value, str)}}


def moment(nanoseconds: int) -> datetime:
    """Return the time so many nanoseconds after 1970, with its microseconds."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
