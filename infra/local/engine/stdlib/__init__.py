"""The standard library: functions and constants by their dotted names."""

from __future__ import annotations

from infra.local.engine.language.signatures import Signatures
from infra.local.engine.language.values import Value
from infra.local.engine.stdlib import collections, encoding, events, helpers, http, retry, system, text
from infra.local.engine.stdlib.function import Function

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for module in (helpers, text, collections, encoding, system, http, events, retry)
    for function in module.FUNCTIONS
}
CONSTANTS: dict[str, Value] = retry.CONSTANTS
SIGNATURES: Signatures = {name: function.signature for name, function in FUNCTIONS.items()}
