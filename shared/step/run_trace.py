"""Store the run of a step in the trace, whether it succeeds or fails."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Self

from shared import clock, log, signatures
from shared.errors import IncidentCopilotError
from shared.http.retries import with_retries
from shared.model.port import ModelReply
from shared.step.recorder import Recording
from shared.step.steps import StepRow
from shared.traces.port import Json, ModelCall, Run, RunError, StoredAnswer, ToolCall, TraceStore

STORE_BUDGET_S = 30.0
"""For storing a run, retries included."""


class RunStore:
    """The trace store for one step: when the store fails, the step continues and the log says what was not stored."""

    def __init__(self, store: TraceStore, row: StepRow, incident_id: str) -> None:
        self._store = store
        self._row = row
        self._incident_id = incident_id

    def keep(self, run: Run, done: Recording) -> StoredAnswer | None:
        """
        Store the run with its tool calls; results too long for the run are stored by reference.

        Return the answer in force, which is another's when that was first; None when there is none or nothing could be
        stored.
        """
        try:
            return with_retries(lambda _: self._write(run, done), STORE_BUDGET_S)
        except IncidentCopilotError as error:
            log.error("traces.not_stored", error_type=type(error).__name__, error=str(error))
            return None

    def _write(self, run: Run, done: Recording) -> StoredAnswer | None:
        calls = tuple(self._with_reference(recorded.call, recorded.whole_result) for recorded in done.calls)
        turns = zip(run.model_calls, done.transcripts, strict=True)
        model_calls = tuple(self._with_transcript(run.agent, call, text) for call, text in turns)
        whole = replace(run, tool_calls=calls, model_calls=model_calls)
        return self._store.record_run(self._incident_id, whole, self._signature(run))

    def _signature(self, run: Run) -> str:
        if run.agent_response is None:
            return ""
        return signatures.sign(self._row.name, self._incident_id, run.agent, run.agent_response)

    def _with_transcript(self, agent: str, call: ModelCall, text: str) -> ModelCall:
        return replace(call, transcript_ref=self._store.keep_text(self._incident_id, f"{agent}-model", text))

    def _with_reference(self, call: ToolCall, whole_result: str) -> ToolCall:
        if len(whole_result) <= len(call.result):
            return call
        name = f"{call.tool_name}-{call.start:%H%M%S%f}"
        return replace(call, result_ref=self._store.keep_text(self._incident_id, name, whole_result))


@dataclass
class RunTrace:
    """Store the run when the block ends and write the step's one log line; set `response` to the answer."""

    agent: str
    agent_input: Json
    done: Recording
    run_store: RunStore | None
    """None for a call that belongs to no incident and is only logged."""
    start: datetime = field(default_factory=clock.now)
    response: Json | None = None
    stored: StoredAnswer | None = None
    """The answer in force after the block; None when there is none or nothing could be stored."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        run = self._run(clock.now(), error)
        self.stored = self.run_store.keep(run, self.done) if self.run_store else None
        duration_ms = round((run.run_end - run.run_start).total_seconds() * 1000)
        write = log.error if error else log.info
        usage = {"tokens_in": run.tokens_in, "tokens_out": run.tokens_out, "claims_dropped": len(run.claims_dropped)}
        failed, cost_usd = kind.__name__ if kind else None, round(run.cost_usd, 6)
        write("step.ended", duration_ms=duration_ms, model=run.model, error_type=failed, cost_usd=cost_usd, **usage)

    def _run(self, end: datetime, error: BaseException | None) -> Run:
        replies = self.done.replies
        return Run(
            agent=self.agent,
            run_start=self.start,
            run_end=end,
            agent_input=self.agent_input,
            agent_response=self.response,
            errors=self._errors(end, error),
            model=replies[-1].model if replies else "offline",
            tokens_in=sum(reply.tokens_in for reply in replies),
            tokens_out=sum(reply.tokens_out for reply in replies),
            cost_usd=sum(reply.cost_usd for reply in replies),
            model_calls=tuple(_model_call(reply) for reply in replies),
            claims_dropped=tuple(self.done.claims_dropped),
        )

    def _errors(self, end: datetime, error: BaseException | None) -> tuple[RunError, ...]:
        survived = [_run_error(failure.error, failure.at) for failure in self.done.model_failures]
        return (*survived, *([_run_error(error, end)] if error else []))


def _run_error(error: BaseException, at: datetime) -> RunError:
    return RunError(category=type(error).__name__, message=str(error), at=at)


def _model_call(reply: ModelReply) -> ModelCall:
    return ModelCall(reply.model, reply.tokens_in, reply.tokens_out, reply.cost_usd, reply.duration_ms, reply.finish)
