"""Secrets out of texts: `cut` for good before anything is kept or told, `Redactor` reversibly before a model reads."""

from shared.redaction.masking import Redactor
from shared.redaction.redact import holds_credentials, redact, redact_json, redact_lines

__all__ = ["Redactor", "holds_credentials", "redact", "redact_json", "redact_lines"]
