"""The HTML pages: a pull request or a commit with its diff, everything escaped."""

from html import escape

from infra.local.sandboxes.github.api import ApiCall, not_found
from infra.local.sandboxes.github.deployments import DeploymentEndpoints
from infra.local.sandboxes.github.diff import unified_diff
from infra.local.sandboxes.github.pulls import PullStore, pull_ends
from infra.local.sandboxes.http import Reply

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}
h1{font-size:1.4rem}.facts{color:#59636e}pre{overflow-x:auto;padding:1rem;background:#f6f8fa;border-radius:6px;
font:12px/1.45 ui-monospace,monospace}.body{white-space:pre-wrap;overflow-wrap:anywhere}
.added{color:#116329}.removed{color:#82071e}.hunk{color:#0550ae}
@media(prefers-color-scheme:dark){body{color:#f0f6fc;background:#0d1117}.facts{color:#9198a1}pre{background:#151b23}
.added{color:#7ee787}.removed{color:#ffa198}.hunk{color:#79c0ff}}
"""


def pull_page(call: ApiCall, store: PullStore) -> Reply:
    """GET /{owner}/{repo}/pull/{number}."""
    pull = store.find(int(call.args[0]))
    base, head = pull_ends(call, pull)
    state = "Draft" if pull["draft"] and pull["state"] == "open" else pull["state"].capitalize()
    labels = f", labels {', '.join(pull['labels'])}" if pull["labels"] else ""
    facts = f"{state} pull request #{pull['number']} in {call.repo}: {pull['head']} into {pull['base']}{labels}"
    diff = unified_diff(call.git, call.git.merge_base(base, head), head)
    return _page(pull["title"], facts, pull["body"] or "", diff)


def commit_page(call: ApiCall) -> Reply:
    """GET /{owner}/{repo}/commit/{sha}."""
    sha = call.git.resolve(call.args[0])
    if sha is None:
        raise not_found()
    record = call.git.commit(sha)
    subject, _, rest = record.message.partition("\n")
    facts = f"Commit {sha} in {call.repo} by {record.author.name}, {record.committer.at.isoformat()}"
    return _page(subject, facts, rest.strip("\n"), unified_diff(call.git, next(iter(record.parents), None), sha))


def compare_page(call: ApiCall) -> Reply:
    """GET /{owner}/{repo}/compare/{base}...{head}."""
    base, head = (call.commit_sha(name) for name in call.args)
    subjects = [f"{row.sha[:12]} {row.message.partition(chr(10))[0]}" for row in call.git.log(f"{base}..{head}")]
    facts = f"Commits of {head} that {base} does not have, in {call.repo}"
    return _page(f"{call.args[0]}...{call.args[1]}", facts, "\n".join(subjects), unified_diff(call.git, base, head))


def list_page(call: ApiCall, store: DeploymentEndpoints) -> Reply:
    """GET /{owner}/{repo}/deployments and /releases: what there is, newest first."""
    rows = (", ".join(f"{name}: {value}" for name, value in row.items()) for row in store.load(call.args[0]))
    return _page(call.args[0].capitalize(), f"All {call.args[0]} of {call.repo}", "\n".join(rows), "")


def _page(title: str, facts: str, body: str, diff: str) -> Reply:
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1><p class="facts">{escape(facts)}</p>
<div class="body">{escape(body)}</div>
<pre>{"".join(_line(line) for line in diff.split(chr(10)))}</pre>
</body></html>
"""
    # Titles, bodies and diffs come from alerts and models: the page may run nothing and load nothing.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return Reply(200, html.encode(), {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy})


def _line(line: str) -> str:
    kinds = {"+": "added", "-": "removed", "@": "hunk"}
    kind = kinds.get(line[:1], "")
    return f'<span class="{kind}">{escape(line)}</span>\n' if kind else f"{escape(line)}\n"
