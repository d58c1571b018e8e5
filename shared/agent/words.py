"""The words of plain prose, and what of a text is left when they are taken away: its terms."""

import re
from functools import lru_cache

_FUNCTION = """
a about above across actually after afterward afterwards again against all almost alone along already also although
always among an and another any anyone anything apart are as at away back be became because become been before
behind being below besides best better between beyond both but by can cannot certainly clear clearly could depending
did do does done down during each early either else elsewhere enough even ever every everyone everything except
exactly far few finally first for fourth from further furthermore generally good had half hardly has have having
hence her here how however i if in indeed inside instead into is it its itself judging just largely last late later
latter least less let like likely little longer made mainly make many may maybe means meanwhile might more moreover
most mostly much must near nearly neither never nevertheless new newly next no nobody none nor normally not nothing
now nowhere of off often on once one only onto or other others otherwise our out outside over overall own part
partly per perhaps possible possibly presumably previously probably quite rather really recently right roughly same
second seem seemingly seems several shall she should similarly since so some someone something sometimes soon still
strictly such than that the their them then there thereafter therefore these they third this those though through
throughout thus to together too toward towards twice typically under unknown unless unlike until up upon us usually
very via was we well were what whatever when whenever where whereas whether whichever which while who whoever whole
whose why will with within without worse worst would yes yet you your
"""
_NOISE = """
at call caused code content debug error exception fail failed failing failure fatal file got handled id info level
line log logger message module most msg name null occurred panic raise raised recent request response result
returned severity status time timestamp trace traceback type unexpected utc value warn warning
"""
_OPERATIONS = """
access account action address admin agent alarm alert app application argument attempt authentication authorization
average backend background backlog backup bandwidth baseline batch behaviour behavior branch browser budget buffer
bug build burst bytes cache calculation callback callers calls capacity cases certificate change check checks
circuit class client clients cluster clusters command commit commits comparison component condition config
configuration confidence connection connections consumer consumers container containers contention control core
count counts coverage crash credential credentials customers data database databases date deadlock decline default
degradation delay deletion dependencies dependency deployment deployments detail details detection developers disk
diff division documentation domain downstream drift duration edge effect endpoint endpoints engineers entries entry
environment errors event events evidence exceptions execution exhaustion expansion expiry exposure failover failures
fallback fault faults feature field fields files filesystem fix flag flags flow frame frames frontend function
functions garbage gateway gauge graph growth guard handler handlers handling harm health heap histogram hit host
hosts hypothesis ids image impact incident incidents index indexes infrastructure input instance instances
integration interface internal interval investigation issue issues iteration job jobs kernel key keys kind label
labels lack latency layer leak length library limit limits lines link list listener load lock locks logging logic
logs loop loss machine machines maintenance management match measure measures mechanism memory merge messages method
metric metrics middleware migration migrations missing mitigation mode model monitoring network node nodes noise
number object observation onset operation operations operator order orders origin outage output overload owner
package page parameter parser parsing partition path pattern patterns payload peak people percentile percentiles
performance permission permissions phase pipeline platform point policy pool pools port pods pod process processes
processing producer product production progress proof property protocol provider proxy query queries queue queues
quota rate ratio reading reads reason reasons recommendation record records recovery redeployment reference region
regression release releases reload remainder replica replicas report reports requests resource resources responses
restart restarts restore retries retry retrying returns revert reverting reverts review risk role roll rollback
rollout root route rule rules run runs runtime sample samples saturation scale scaling schedule scheduler schema
scope score script secret secrets sequence series server servers service services session sessions set setting
settings setup shard share shares shell side sign signal signals signature size snippet socket software source space
span spike stability stack stage staging start startup starts state statement states statistics step steps stop
storage store stream string structure subject suite suspect suspects symptom symptoms system systems table tables
target task tasks telemetry template tenant test tests text thread threads threshold throttling throughput tickets
timeout timeouts times timing token tokens tool tools top total traces traffic transaction transactions trigger
trouble type types union unit update updates upload upstream usage use user users utilisation utilization validation
values variable variables verdict version versions victim view volume wait waits wake warnings watch way window work
worker workers workflow workload writes zero add added adding allow ask assume begin call cancel cause clean close
compare confirm consider correct create cut deploy disable drain drop enable end ensure exclude expect extend find
follow give go handle hold identify increase inspect keep leave look lower map mark move note notify open pause
prefer prevent protect prove pull push put raise read reboot reduce reject remove repair repeat replace require
reset resolve restrict rewrite rotate say see send shift show skip switch take tell throttle track trim try tune
turn undo unset upgrade verify warn convert copy decode encode fetch grant
parse pin purge rebuild rename render wrap absent active affected big blocked broken busy central common complete
concurrent consistent constant current dead deep different direct double due earlier empty entire equal expired
external false fast full general given healthy heavy high higher idle immediate incoming incomplete incorrect
increased individual intermittent invalid isolated known large larger legitimate linear live local long low main
malformed maximum minimum multiple mutual natural negative nested normal numerous occasional ordinary old older original
outbound partial pending persistent plain plausible positive present previous primary prior public quick random rare
raw readable ready real recent regular related relevant remaining remote repeated resident rising risky running safe
scattered secondary separate serious shared short silent similar simple single slow slower small smaller specific
stale steady stuck successful sudden synchronous temporary thin transient true typical unavailable unbounded unclear
uneven uniform unreachable unrelated unresponsive unsafe unused upcoming usual valid visible weak wide wrong party
contact honour honor ignore respect tackle investigate escalate inform trace widen narrow bound two three four five
six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty
forty fifty sixty seventy eighty ninety dozen dozens hundreds thousands millions
"""
_ACRONYMS = """
api apis ci cpu cpus crud css csv db dns ddos dto eof fd fds fifo fk gb gc gpu gui html http https i/o id ids io ioc
ip ips ipc ipv4 ipv6 iso json jvm jwt kb kib kpi lb lru mb mib ms nan ns null oom orm os p50 p90 p95 p99 p999 pid pr
prs qps ram rfc rps rpc sdk sha sla slo sli sql ssd ssh ssl sso tcp tls ttl udp ui uri url urls us utc utf-8 uuid vm
vms xml yaml 1xx 2xx 3xx 4xx 5xx e.g i.e etc vs n/a ok a.m p.m 24/7 january february march april may june july
august september october november december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday
thursday friday saturday sunday mon tue wed thu fri sat sun none true false nil undefined
"""
FUNCTION_WORDS = frozenset(_FUNCTION.split())
_SAYS_NOTHING = FUNCTION_WORDS | frozenset(_NOISE.split())
ACRONYMS = frozenset(_ACRONYMS.split())
PLAIN = _SAYS_NOTHING | ACRONYMS | frozenset(_OPERATIONS.split())
"""Words that name nothing in particular: a capital letter or a hyphen makes no name of them."""
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORD = re.compile(r"[^\W\d_]+")
_SUFFIXES = ("ations", "ation", "ments", "ment", "ions", "ings", "ion", "ing", "ers", "er", "ed", "es", "s", "e")


@lru_cache(4_096)
def stem(word: str) -> str:
    """Return the start of a word that its forms have in common: `refused`, `refusing` and `refuses` are one."""
    lower = word.lower()
    bare = (lower.removesuffix(suffix) for suffix in _SUFFIXES if lower.endswith(suffix))
    return next((start for start in bare if len(start) >= 3), lower)


def terms(text: str) -> frozenset[str]:
    """Return the stems of the words that say something, the parts of identifiers too; words of every log do not."""
    parts = [part for word in _WORD.findall(text) for part in (_PART.findall(word) if word.isascii() else [word])]
    return frozenset(stem(part) for part in parts if len(part) >= 3 and part.lower() not in _SAYS_NOTHING)
