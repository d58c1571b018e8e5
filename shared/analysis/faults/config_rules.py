"""Faults of configuration, permissions, schemas and deployment, most specific first."""

from shared.analysis.faults.rule import complaint, errno, rule

_IS_MISSING = r"(?:(?:is|was|are|must be) )?(?:not set|missing|undefined|not defined|required|not configured|not found)"
_SETTING = r"(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+)"
"""As the environment names them; a name in another shape may be one of the users' own."""

CONFIG_RULES = (
    rule(
        "config",
        "missing configuration",
        "config_issue",
        rf"(?:environment variable|env(?:ironment)? var)s?\b[^\n]{{0,80}}?\b{_IS_MISSING}",
        rf"(?:config(?:uration)?|settings?|propert(?:y|ies)|options?|secret)\b:? [^\n]{{0,20}}?{_SETTING}"
        rf"\W{{0,2}} {_IS_MISSING}",
        rf"\bthe {_SETTING} setting must\b",
        rf"config(?:uration)? (?:key|value|option|property|parameter|entry)s?\b[^\n]{{0,80}}?\b{_IS_MISSING}",
        rf"(?:secret|configmap)s? \"[\w./-]{{1,253}}\" {_IS_MISSING}",
        r"couldn't find key \S{1,253} in (?:ConfigMap|Secret)\b",
        rf"required key {_SETTING} missing",
        r"missing (?:required )?(?:environment variable|env var|configuration|config|setting|secret)\b",
        r"missing[^\n]{0,40} (?:mandatory|required) (?:settings?|config(?:uration)?|environment)\b",
        r"(?:error|failed to|unable to|could not|cannot) (?:load|read|pars|initiali[sz])(?:e|ing)? "
        r"(?:the )?(?:\w{1,30} )?(?:config(?:uration)?|settings|\.env)\b(?: file)?",
        r"(?:invalid|bad) configuration\b(?=:)",
        r"config(?:uration)? validation error",
        r"validation errors? for \w{0,60}(?:Settings|Config|Configuration|Environment)\b",
        r"(?:unknown|undefined|missing) feature flag",
        r"feature flag \S{1,120} (?:was |is )?(?:not found|unknown|undefined)",
        r"Could not resolve placeholder",
        r"ImproperlyConfigured",
        # Many dictionaries have such keys: the code above must show that it is a setting.
        r"(?-i:(?:environ\b|getenv|\b(?:config|settings)\b)[^\n]{0,200}(?:\n[^\n]{0,200}){1,5}?"
        r"KeyError: '[A-Z][A-Z0-9]*_[A-Z0-9_]+')",
        steps=(
            "Compare the variables, secrets and flags of an instance with those of the last good deployment.",
            "Put back what is missing, and restart one instance to confirm.",
        ),
    ),
    rule(
        "config",
        "permission denied",
        "config_issue",
        complaint(r"permission denied|access (?:is )?denied|unauthorized|forbidden|authentication (?:required|failed)"),
        r"(?:role|principal|caller|identity|service account)\b[^\n]{0,80}? (?:not|n't) have [^\n]{0,40}?"
        r"(?:permission|access)\b",
        r"PERMISSION_DENIED",
        r"PermissionDenied\b",
        r"InsufficientPrivilege|insufficient (?:permission|privilege|scope)s?\b",
        errno("EACCES"),
        errno("(?:NOAUTH|NOPERM|WRONGPASS)"),
        r"AccessDenied",
        r"\b40[13] (?:Unauthorized|Forbidden)\b",
        r"not authorized to perform",
        r"password authentication failed",
        r"Access denied for user",
        r"invalid (?:api[ _]?key|credentials|username[/ -](?:or )?password|access ?key)",
        r"Invalid(?:AccessKeyId|ClientTokenId)|SignatureDoesNotMatch|Expired(?:Authentication)?Token",
        steps=(
            "See which identity was denied what, in the quoted line and in the audit log of what denies it.",
            "Compare its credentials and permissions with the last good deployment: what expired, what was taken away?",
        ),
    ),
    rule(
        "config",
        "schema mismatch",
        "config_issue",
        r"relation \"[^\"\n]{1,200}\" does not exist",
        r"no such (?:table|column): ",
        r"Unknown column '",
        r"column \"?[\w.]{1,200}\"? (?:of relation \S{1,200} )?does not exist",
        r"UndefinedTable",
        r"UndefinedColumn",
        r"Table '[^'\n]{1,200}' doesn't exist",
        r"Migrations? (?:is|are) pending|PendingMigration|unapplied migration",
        r"invalid (?:object|column) name '",
        r"\bmigration\b[^\n]{0,100} failed\b|failed to (?:perform|run|apply) (?:the )?migrations?\b",
        steps=(
            "See which migration the database ran last, and which one the running version needs.",
            "Run the missing migration, or go back to the version that fits the schema.",
        ),
    ),
    rule(
        "config",
        "module missing",
        "code_issue",
        r"No module named",
        r"ModuleNotFoundError",
        r"Cannot find module",
        r"ClassNotFoundException",
        r"NoClassDefFoundError",
        r"MODULE_NOT_FOUND",
        r"NoSuchMethodError",
        steps=(
            "Compare the dependencies in the running image with those of the last good build.",
            "Build again with what is missing, or deploy the last good image.",
        ),
    ),
    rule(
        "crash",
        "crash",
        "code_issue",
        r"^panic: ",
        r"segmentation fault",
        r"SIGSEGV",
        r"fatal error: ",
        r"CrashLoopBackOff",
        r"core dumped",
    ),
)
