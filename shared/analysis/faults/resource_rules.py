"""The resources that a service runs out of, most specific first."""

from shared.analysis.faults.rule import errno, rule

_OBTAIN = r"(?:acquir|obtain|get|borrow|fetch|wait|check)\w{0,4}"
_LACKS = r"(?:exhaust|time[ds]?[ -]?out|is (?:probably )?full|is empty|empty\b|reached|overflow|in use|unavailable)"
_CONNECTION = r"(?:connection|resource|session|client)s?"
_POOL = r"pool(?!\w{0,20}\()"
"""Not a call: `HTTPConnectionPool(host=…)` names whom it connects to."""

RESOURCE_RULES = (
    rule(
        "resource",
        "no node has room",
        "infrastructure_issue",
        r"\bInsufficient (?:cpu|memory|ephemeral-storage|nvidia\.com/gpu|pods)\b",
        action="Make room for the instances of {service} on a node.",
        steps=(
            "Compare what they request with what the nodes have left.",
            "Add a node, or lower a request that is larger than the use.",
        ),
    ),
    rule(
        "resource",
        "threads exhausted",
        "infrastructure_issue",
        r"unable to create (?:new )?native thread",
        r"can't start new thread",
        r"pthread_create failed",
        r"fork: (?:retry: )?Resource temporarily unavailable",
        r"RejectedExecutionException",
        r"(?:executor|thread ?pool|work(?:er)? queue)\b[^\n]{0,60}\b(?:full|saturated|exhausted|rejected)",
        action="Find what keeps the threads of {service} busy before more are allowed.",
        steps=(
            "Take a thread dump of one instance: it shows what they wait for.",
            "Restart the instances that are stuck.",
        ),
    ),
    rule(
        "resource",
        "connection pool exhausted",
        "infrastructure_issue",
        # Each connector names its pool in its own words: what is said of it is that nothing is left in it.
        rf"{_POOL}[^\n]{{0,60}}?{_LACKS}",
        r"QueuePool limit",
        rf"(?:time[d ]?out|could not|cannot|unable to|failed to)\b[^\n]{{0,40}}?\b{_OBTAIN}"
        rf"[^\n]{{0,40}}?\b{_CONNECTION}\b[^\n]{{0,30}}?{_POOL}",
        rf"(?:time[ds]?[ -]?out|timed out)[^\n]{{0,40}}\b{_OBTAIN} (?:for )?(?:a |an )?(?:idle )?(?:pooled )?"
        rf"{_CONNECTION}\b",
        r"acqui(?:re|sition)[ _]?time[ds]?[ _]?out",
        r"no (?:more |idle |free )?connections? (?:is |are )?(?:available|allowed|left)",
        r"Connection is not available, request timed out",
        r"(?:waiting|queued?) for (?:a |an )?(?:free |idle )?connection\b[^\n]{0,60}(?:max|limit|exceed|full)",
        r"all (?:pooled )?connections (?:were |are )?(?:in use|busy)",
        r"max(?:imum)?(?: number of)? (?:open )?connections (?:was |is )?(?:reached|exceeded)",
        r"connection limit (?:was |is )?(?:reached|exceeded)",
        r"too many (?:client )?connections",
        r"TooManyConnections",
        r"too many clients",
        r"remaining connection slots",
        action="Find what holds the connections of {service} before its pool is made larger.",
        steps=(
            "Look for long transactions, and for calls made while a connection is held.",
            "Raise its size only as far as the server allows for all instances together.",
            "Restart the instances that do not recover.",
        ),
    ),
    rule(
        "resource",
        "queue full",
        "infrastructure_issue",
        r"\b(?:queue|buffer)(?: size| capacity)?\b(?: \([^)\n]{1,60}\))?(?: is| was| limit)?(?: now)? ?"
        r"(?:full\b(?! of)|overflow|reached|exceeded|exhausted)",
        r"(?:Queue|Buffer)_?(?:Full|Overflow|Exhausted)",
        r"rejected execution",
        action="Find why what {service} queues is not taken out of the queue in time.",
        steps=(
            "Compare how fast it is filled and drained, and see what each consumer waits for.",
            "A longer queue only delays it: send less, or add consumers if these are busy themselves.",
        ),
    ),
    rule(
        "resource",
        "out of memory",
        "infrastructure_issue",
        r"OutOfMemoryError",
        r"OOM-?Kill",
        r"out of memory",
        r"MemoryError\b",
        r"(?:cannot|could not|failed to) allocate memory",
        r"low on resource: ?\[?memory",
        errno("MemoryPressure"),
        r"Unable to allocate [\d.]{1,12} ?[KMGT]i?B",
        r"memory (?:size|limit)[^\n]{0,40}\b(?:exhausted|exceeded)",
        r"exit(?:ed)?(?: with)?(?: code| status)?[ :=(-]{1,4}137\b",
        action="Give the instances of {service} more memory, or find what fills it.",
        steps=(
            "Compare its memory with the limit, and take a heap dump of an instance before it ends.",
            "Restart the instances that are stuck.",
        ),
    ),
    rule(
        "resource",
        "disk full",
        "infrastructure_issue",
        r"No space left on (?:the )?device",
        r"not enough space on the disk",
        r"disk (?:is )?full",
        r"Disk quota exceeded",
        r"low on resource: ?\[?(?:ephemeral-storage|nodefs|imagefs|DiskPressure)",
        errno("ENOSPC"),
        errno("(?:EDQUOT|DiskPressure)"),
        action="Free space on the disk that {service} writes to, or enlarge it.",
        steps=("See what fills it: logs, temporary files, a queue that is not read.", "Free inodes count too."),
    ),
    rule(
        "resource",
        "too many open files",
        "infrastructure_issue",
        r"Too many open files",
        errno("EMFILE"),
        errno("ENFILE"),
        action="Find what {service} leaves open before its limit of open files is raised.",
        steps=("List the open files and sockets of one instance by kind.", "Restart the instances that are stuck."),
    ),
)
