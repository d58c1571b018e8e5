"""The page of a message that is too short for a brief: readable on a phone, in light and in dark."""

_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Incident CoPilot</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
    "<style>@media (prefers-color-scheme: dark) { body, .page { background: #14171c !important; }"
    " .card { background: #1d2229 !important; color: #e6e9ee !important; } .card a { color: #7fb1ff !important; } }"
    "</style></head>"
)
_BODY = (
    '<body class="page" style="margin:0;background:#f1f3f6"><div class="card" style="max-width:600px;margin:0 auto;'
    "padding:16px 20px;background:#ffffff;color:#1c2330;font:15px/1.5 -apple-system,BlinkMacSystemFont,Segoe UI,Roboto,"
    'Helvetica,Arial,sans-serif;overflow-wrap:anywhere">'
)


def short_page(first: str, *others: str) -> str:
    """Return the page of a first line, set large, and of paragraphs; they are HTML already, each text in it inert."""
    title = f'<p style="font-size:20px;font-weight:700;line-height:1.3;margin:0 0 12px">{first}</p>'
    return f"{_HEAD}{_BODY}{title}{''.join(f'<p>{one}</p>' for one in others)}</div></body></html>"
