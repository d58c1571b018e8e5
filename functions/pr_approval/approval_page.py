"""The page: everything is escaped, nothing is loaded, nothing runs."""

from html import escape

import flask

from shared.pull_request.approval import Waiting
from shared.redaction import redact
from shared.text.harmless import unmistakable, visible

# Lines are wrapped: nobody scrolls to what stands behind a thousand spaces.
_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;
color:#1f2328;background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}pre{padding:1rem;
background:#f6f8fa;border-radius:6px;font:12px/1.45 ui-monospace,monospace;white-space:pre-wrap;
overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5rem}form{display:flex;flex-wrap:wrap;align-items:end;gap:1rem;
margin:1.5rem 0}label,input{display:block;font:inherit}
button{font:inherit;padding:.6rem 1.2rem;border-radius:6px;border:1px solid #59636e;background:#fff;color:#1f2328}
button.yes{background:#1a7f37;border-color:#1a7f37;color:#fff}.added{color:#116329}.removed{color:#82071e}
.hunk{color:#0550ae}@media(prefers-color-scheme:dark){body{color:#f0f6fc;background:#0d1117}pre{background:#151b23}
button{background:#151b23;color:#f0f6fc}.added{color:#7ee787}.removed{color:#ffa198}.hunk{color:#79c0ff}}
"""
_KINDS = {"+": "added", "-": "removed", "@": "hunk"}
_HEADERS = {
    # Titles, bodies and diffs come from alerts and repositories.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def code_form(incident_id: str) -> str:
    """Return the page that asks for the code of the mail; it says nothing of the incident, whoever opens it."""
    form = (
        f'<form method="post"><input type="hidden" name="incident" value="{escape(incident_id)}">'
        '<label>Code from the mail <input name="code" required maxlength="40" autocomplete="one-time-code"></label>'
        '<button class="yes">Show the change</button></form>'
    )
    return _whole("Approve a change", form)


def review(incident_id: str, waiting: Waiting, diff: str, confirm: str) -> str:
    """Return the page that asks for a decision: facts, buttons, the diff, the text of the pull request."""
    facts = {
        "Incident": incident_id,
        "Repository": waiting.repo,
        "Branch": f"{waiting.branch} into {waiting.base_branch} at {waiting.base_commit[:12]}",
        "Can be approved until": f"{waiting.approve_until:%Y-%m-%d %H:%M} UTC",
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(visible(value))}</dd>" for name, value in facts.items())
    form = (
        f'<form method="post"><input type="hidden" name="confirm" value="{escape(confirm)}">'
        '<label>Your name <input name="by" required minlength="2" maxlength="80" autocomplete="name"></label>'
        '<button class="yes" name="decision" value="approve">Open this draft pull request</button>'
        '<button name="decision" value="decline">Decline</button></form>'
    )
    lines = "".join(_line(line) for line in redact(diff).split("\n"))
    change = f"<h2>Change</h2><pre>{lines}</pre><h2>What it will say</h2>"
    body = f"<pre>{escape(visible(redact(waiting.body)))}</pre>"
    return _whole(visible(redact(waiting.title)), f"<dl>{rows}</dl>{form}{change}{body}")


def page(title: str, words: str, link: str = "") -> str:
    """Return a page of one sentence, with a link, which may be empty."""
    anchor = f'<p><a rel="noreferrer" href="{escape(link)}">{escape(link)}</a></p>' if link else ""
    return _whole(title, f"<p>{escape(redact(words))}</p>{anchor}")


def html_response(html: str, status: int = 200) -> flask.Response:
    """Return a page as a response."""
    return flask.Response(html, status, _HEADERS, mimetype="text/html")


def _whole(title: str, inside: str) -> str:
    heading = escape(redact(title))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{heading}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{heading}</h1>{inside}</main></body></html>\n"
    )


def _line(line: str) -> str:
    kind = _KINDS.get(line[:1], "")
    line = unmistakable(line)
    return f'<span class="{kind}">{escape(line)}</span>\n' if kind else f"{escape(line)}\n"
