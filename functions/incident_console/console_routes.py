"""Which page is where. Everything but the login page and our own files needs a visitor."""

import json

import flask
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

from shared.admission import operator_journal
from shared.links import LinkSettings
from shared.redaction import redact

from . import console_pages
from .access.form_token import remember, token_of
from .pages.incident_list import filter_of, incident_list
from .pages.incident_view import OUTCOME_WORDS, incident_view, version
from .pages.nearby_lines import nearby_lines
from .pages.people import acknowledged, page_of, people_view
from .pages.postmortem import postmortem
from .visit import NothingHere, Visit

TEXT_CHARS = 60_000
"""Of a long text at once; the rest is read on request."""
STOP_POLLING = 286
"""The status at which htmx asks no more. Source: https://htmx.org/docs/#load_polling"""
_RULES = Map(
    [
        Rule("/", endpoint="incidents"),
        Rule("/incidents", endpoint="incidents"),
        Rule("/runs/new", endpoint="new_run"),
        Rule("/requests/<request_id>", endpoint="request_state"),
        Rule("/incidents/<incident_id>", endpoint="incident"),
        Rule("/incidents/<incident_id>/live", endpoint="live"),
        Rule("/incidents/<incident_id>/evidence/<evidence_id>", endpoint="evidence"),
        Rule("/incidents/<incident_id>/texts/<reference>", endpoint="text"),
        Rule("/incidents/<incident_id>/brief", endpoint="brief"),
        Rule("/incidents/<incident_id>/trace.json", endpoint="trace_json"),
        Rule("/incidents/<incident_id>/postmortem.md", endpoint="postmortem_md"),
    ],
    strict_slashes=False,
)


class Reader(Visit):
    """Answers with the pages that are read."""

    def answer(self) -> flask.Response:
        """Return the page. Raises NothingHere, Rejected, and what the store raises."""
        try:
            endpoint, values = _RULES.bind("console").match(self.request.path, "GET")
        except (NotFound, MethodNotAllowed, RequestRedirect):
            raise NothingHere("There is no such page") from None
        response: flask.Response = getattr(self, endpoint)(**values)
        return response

    def incidents(self) -> flask.Response:
        """Return the list, or only its rows when the page itself asks."""
        arguments = self.request.args
        page = incident_list(self.store, filter_of(arguments), arguments.get("behind", ""))
        notes = acknowledged(operator_journal.entries(self.store))
        template = "incident_rows.html" if self._is_part else "incidents.html"
        return self._page(template, list=page, notes=notes, links=LinkSettings.from_env(), outcomes=OUTCOME_WORDS)

    def new_run(self) -> flask.Response:
        """Return the form that starts an investigation."""
        service = self.request.args.get("service", "")[:200]
        return self._page("new_run.html", service=service, request_id=self._request_id)

    def request_state(self, request_id: str) -> flask.Response:
        """Return what became of a request; once it is carried out, the page leads on to where that is seen."""
        entry = next((one for one in operator_journal.entries(self.store) if one.request_id == request_id), None)
        response = self._page("request_state.html", request_id=request_id, entry=entry)
        if entry is not None and self._is_part:
            response.headers["HX-Redirect"] = page_of(entry)
        return response

    def incident(self, incident_id: str) -> flask.Response:
        """Return the page of an incident."""
        # Before the trace, which has it first: a page that says "carried out" shows what came of it too.
        journal = operator_journal.entries(self.store)
        trace = self.trace(incident_id)
        people = people_view(trace, journal, self.store)
        request_id, view = self._request_id, incident_view(trace, self.store)
        return self._page("incident.html", view=view, version=version(trace), people=people, request_id=request_id)

    def live(self, incident_id: str) -> flask.Response:
        """Return what an open page shows now; nothing when it shows that already."""
        trace = self.trace(incident_id)
        if self.request.args.get("version") == version(trace):
            return console_pages.nothing_new() if trace.is_running else console_pages.nothing_new(STOP_POLLING)
        people = people_view(trace, operator_journal.entries(self.store), self.store)
        return self._page(
            "incident_body.html", view=incident_view(trace, self.store), version=version(trace), people=people
        )

    def evidence(self, incident_id: str, evidence_id: str) -> flask.Response:
        """Return the lines around a piece of evidence."""
        trace = self.trace(incident_id)
        pieces = [*(trace.incident.evidence if trace.incident else [])]
        pieces += trace.code_analysis.evidence if trace.code_analysis else []
        piece = next((piece for piece in pieces if piece.id == evidence_id), None)
        if piece is None:
            raise NothingHere("There is no such evidence")
        lines = nearby_lines(trace, self.store, piece)
        template = "nearby_lines.html" if self._is_part else "nearby_page.html"
        return self._page(template, piece=piece, lines=lines, id=incident_id)

    def text(self, incident_id: str, reference: str) -> flask.Response:
        """Return a part of a long text that belongs to the incident: a prompt with its answer, or a tool's result."""
        start = self.request.args.get("start", 0, type=int)
        text = self.store.text(reference) if reference in self.trace(incident_id).references() else None
        if text is None or not 0 <= start <= len(text):
            raise NothingHere("There is no such text")
        # Redacted as a whole: a secret may stand across the end of a part.
        clean = redact(text)
        end = start + TEXT_CHARS
        template = "text_part.html" if self._is_part else "text_page.html"
        return self._page(
            template,
            id=incident_id,
            reference=reference,
            text=clean[start:end],
            start=start,
            total=len(clean),
            following=end if end < len(clean) else None,
        )

    def brief(self, incident_id: str) -> flask.Response:
        """Return the brief as it was mailed, for the frame on the incident's page."""
        markup = self.trace(incident_id).brief(self.store)
        if not markup:
            raise NothingHere("There is no brief yet")
        return console_pages.brief(markup)

    def trace_json(self, incident_id: str) -> flask.Response:
        """Return the whole trace in the seed's shape, as a file."""
        body = json.dumps(self.trace(incident_id).document, indent=2, ensure_ascii=False)
        return console_pages.download(body, "application/json", f"{incident_id}.json")

    def postmortem_md(self, incident_id: str) -> flask.Response:
        """Return the postmortem, as a file."""
        text = postmortem(incident_view(self.trace(incident_id), self.store))
        return console_pages.download(text, "text/markdown", f"{incident_id}.md")

    @property
    def _request_id(self) -> str:
        """The request that this visitor has just sent, or an empty text."""
        return self.request.args.get("asked", "")[:64]

    @property
    def _is_part(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return self.request.headers.get("HX-Request") == "true"

    def _page(self, template: str, **values: object) -> flask.Response:
        token = token_of(self.request, self.visitor)
        response = console_pages.html(template, 200, visitor=self.visitor, form_token=token, **values)
        remember(response, self.request, self.visitor, token)
        return response
