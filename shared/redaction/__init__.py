"""Secrets out of texts: `cut` for good before anything is kept or told, `Redactor` reversibly before a model reads."""

from shared.redaction.masking import Redactor
from shared.redaction.redact import cut, cut_json, cut_lines, holds_credentials

__all__ = ["Redactor", "cut", "cut_json", "cut_lines", "holds_credentials"]
