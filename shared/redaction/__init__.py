"""Remove secrets: `redact` for good before a text is stored or published; `masking.Redactor` reversibly for a model."""

from shared.redaction.redact import holds_credentials, redact, redact_json, redact_json_text, redact_lines

__all__ = ["holds_credentials", "redact", "redact_json", "redact_json_text", "redact_lines"]
