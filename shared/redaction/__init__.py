"""Remove secrets: `redact` for good before a text is stored or published, `Redactor` reversibly for a model."""

from shared.redaction.masking import Redactor
from shared.redaction.redact import holds_credentials, redact, redact_json, redact_lines

__all__ = ["Redactor", "holds_credentials", "redact", "redact_json", "redact_lines"]
