"""Values of variables, by the validation of the settings that read them: each wrong one is named."""

from collections.abc import Mapping
from inspect import isabstract

from pydantic import ValidationError

from infra.doctor import variables
from infra.doctor.check import Check, wrong
from shared.errors import Misconfigured
from shared.settings import Settings


def check_values(values: Mapping[str, str]) -> list[Check]:
    """Return each variable whose value one of its readers refuses."""
    rows = [variables.every()[name] for name in values if name in variables.every()]
    return [wrong(f"{row.name}: {reason}", fix_of(row.name)) for row in rows if (reason := _reason(row, values))]


def fix_of(name: str) -> str:
    """Return how a variable is written, in the words of its description."""
    return f"set {name}: {variables.every()[name].description}".rstrip(". ")


def _reason(row: variables.Variable, values: Mapping[str, str]) -> str:
    readers = ((cls, field) for cls, field in row.fields if not isabstract(cls))
    reasons = (_reason_of(cls, field, values[row.name]) for cls, field in readers)
    return next((reason for reason in reasons if reason), "")


def _reason_of(cls: type[Settings], field: str, text: str) -> str:
    """Return why a field does not take a text, whatever the other fields are; empty when it does."""
    try:
        cls.model_validate({field: cls.parsed(field, text)})
    except ValidationError as error:
        own = [item for item in error.errors(include_input=False) if item["loc"][:1] == (field,)]
        return "; ".join(_sentence(item["loc"][1:], item["msg"]) for item in own[:3])
    except Misconfigured as error:
        # A check over several fields, which the connections make, or text that is no JSON.
        return "not valid JSON" if str(error).endswith("not valid JSON") else ""
    return ""


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"at {'.'.join(map(str, place))}: {message}" if place else message
