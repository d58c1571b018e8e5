"""Kinds of fault that are recognised by their wording, most specific first."""

from shared.analysis.faults.config_rules import CONFIG_RULES
from shared.analysis.faults.dependency_rules import DEPENDENCY_RULES
from shared.analysis.faults.resource_rules import RESOURCE_RULES

RULES = (*RESOURCE_RULES, *DEPENDENCY_RULES, *CONFIG_RULES)
BY_NAME = {rule.name: rule for rule in RULES}
