"""Read the code that the evidence leads to once: what was read while the telemetry was judged is not read again."""

from shared.analysis.code.analyze import analyze, basis
from shared.code_host import repository_policy
from shared.code_host.port import CodeReader
from shared.contracts import CodeAnalysis, CodeAnalysisRequest
from shared.step import recorder
from shared.step.redacted import redacted

from .owners import owners_of


def read_code(request: CodeAnalysisRequest, reader: CodeReader) -> CodeAnalysis:
    """Return what the rules make of the code, and who owns it. Raises what the reader raises."""
    return _read_before(request) or _read(request, reader)


def _read_before(request: CodeAnalysisRequest) -> CodeAnalysis | None:
    """Return what was read from the facts, whole and from the same basis as the judged incident gives; else None."""
    read, facts = request.read_before, request.facts
    # A hint says what was not read: it may be there by now.
    if read is None or facts is None or read.degraded or read.hints or not read.code_available:
        return None
    return read if basis(facts) == basis(request.incident) else None


def _read(request: CodeAnalysisRequest, reader: CodeReader) -> CodeAnalysis:
    alert = request.alert
    with recorder.tool("read_repository", repo=reader.repo, commit=alert.commit) as call:
        analysis = analyze(alert, request.incident, reader, repository_policy.base_branch_of(alert))
        analysis = redacted(analysis.replace(owners=owners_of(analysis, reader)))
        call.result = analysis.model_dump_json()
    return analysis
