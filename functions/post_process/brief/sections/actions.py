"""The section on what to do now: the advice that code made as one list, the most certain first, each once."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from shared.bounds import clip
from shared.contracts import Command, Mitigation, PostProcessRequest, Suggestion

from ..ended import ended_at
from ..model import LEFT_OUT, Block, Code, Items, Link, Links, Section, TextLine, Words, at_time, prose

ACTIONS = 6
COMMAND_CHARS = 600
CULPRIT = 0.5
"""Score from which a commit is named as the culprit."""
WHAT_TO_CHECK = "Check that it stays so, and whether somebody ended it: what was read does not say why it ended."
_PRIORITIES = ("high", "medium", "low")
_WAYS_BACK = ("roll_back", "revert_commit")
FIX = "fix_code"
"""The advice to mend the code, which a pull request is."""


@dataclass(frozen=True)
class Action:
    """One thing to do; `advice_id` is empty for words of no template."""

    advice_id: str
    text: str
    steps: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    priority: str = "high"

    @property
    def key(self) -> str:
        """What identifies advice that is given twice; ways back to an older release are one."""
        return "back" if self.leads_back else _words(self.text)

    @property
    def leads_back(self) -> bool:
        """Whether it returns to an older release."""
        return self.advice_id in _WAYS_BACK


def do_now(request: PostProcessRequest, button: Links | None) -> Section:
    """Return the one thing to do first, the way to the pull request, and how to do it."""
    actions, way = _actions(request)[:1], [*([button] if button else []), *_runbook(request)]
    if (ended := ended_at(request.incident)) is not None:
        return Section("Do now", (Words(_nothing(ended), is_strong=True), TextLine(WHAT_TO_CHECK), *way))
    if not actions:
        start = TextLine("Nothing was suggested. Start with the evidence and the links below.")
        return Section("Do now", (start, *way))
    what, *how = _blocks(1, actions[0], request)
    return Section("Do now", (what, *way, *how))


def then(request: PostProcessRequest) -> Section | None:
    """Return what else to do, each once, and all of it where the harm has ended; None without more."""
    has_ended = ended_at(request.incident) is not None
    first = 1 if has_ended else 2
    actions = _actions(request)[first - 1 : ACTIONS]
    blocks = [block for number, action in enumerate(actions, first) for block in _blocks(number, action, request)]
    return Section("If it comes back" if has_ended else "Then", tuple(blocks)) if blocks else None


def _nothing(ended: datetime) -> str:
    return f"Nothing to do now: the last failure was written at {at_time(ended)} UTC, and none since."


def _blocks(number: int, action: Action, request: PostProcessRequest) -> list[Block]:
    blocks: list[Block] = [Words(prose(action.text, 400), number == 1, f"{number}.")]
    blocks += [Items(tuple(clip(step, 300) for step in action.steps[:6]))] if action.steps else []
    commands = [one for one in action.commands if (one.command or one.link) and not _is_done(one, request)]
    blocks += [_command(command) for command in commands[:6]]
    return blocks


def _runbook(request: PostProcessRequest) -> list[Links]:
    """Return what the author of the alert's rule wrote for this case: it stands beside the one thing to do now."""
    url = request.alert.runbook_url
    return [Links((Link("Runbook of this alert", url),))] if url else []


def _is_done(command: Command, request: PostProcessRequest) -> bool:
    """Return whether a pull request makes the revert that a command would make a second time."""
    reverts = request.branch.reverts if request.branch else None
    is_open = request.pull_request is not None and request.pull_request.pr_url is not None
    return bool(reverts) and is_open and str(reverts) in command.command


def remarks(request: PostProcessRequest) -> Section | None:
    """Return what a model adds to the advice: prose, apart from what a reader may do."""
    answers = (request.suggestions, request.solution)
    words = dict.fromkeys(answer.remarks for answer in answers if answer is not None and answer.remarks)
    blocks = tuple(Words(clip(text, 900)) for text in words)
    return Section("Remarks of the model", blocks, expendable=1) if blocks else None


def recommended(request: PostProcessRequest) -> str:
    """Return the first action, empty when there is none."""
    first = _first(request)
    if (ended := ended_at(request.incident)) is not None:
        return f"{_nothing(ended)} If it comes back: {first.text}" if first else _nothing(ended)
    return first.text if first else ""


def leads_back(request: PostProcessRequest) -> bool:
    """Return whether the first action returns to an older release."""
    first = _first(request)
    return first is not None and first.leads_back


def _first(request: PostProcessRequest) -> Action | None:
    """Prefer what names the culprit to what was advised before it was known."""
    all_actions = (*_suggested(request), *_planned(request))
    advice = _recommended(request, all_actions)
    ordered = (*([advice] if advice else []), *_planned(request), *_suggested(request))
    first = next((action for action in ordered if _names_culprit(action, request)), advice)
    if first is not None and first.leads_back and not _names_version(first, request):
        # What was advised before the code host was read may not know which version ran before.
        back = (action for action in all_actions if action.leads_back and _names_version(action, request))
        return next(back, first)
    return first


def _recommended(request: PostProcessRequest, actions: tuple[Action, ...]) -> Action | None:
    """Return the action that the agents recommend, by its words; what was suggested goes first."""
    answers = (
        request.suggestions.recommended_action if request.suggestions else "",
        request.solution.recommended_solution if request.solution else "",
    )
    text = next(filter(None, answers), "")
    return next(
        (action for action in actions if _words(action.text) == _words(text)), Action("", text) if text else None
    )


def _names_culprit(action: Action, request: PostProcessRequest) -> bool:
    commits = request.code_analysis.suspect_commits if request.code_analysis else []
    return any(commit.score >= CULPRIT and commit.sha[:7] in action.text for commit in commits)


def _names_version(action: Action, request: PostProcessRequest) -> bool:
    """Return whether it names a version that ran before a change."""
    answers = (request.incident, request.code_analysis)
    changes = [change for answer in answers if answer for change in answer.what_changed]
    return any(change.version_before and change.version_before in action.text for change in changes)


def _suggested(request: PostProcessRequest) -> list[Action]:
    suggestions = request.suggestions.suggestions if request.suggestions else []
    # The runbook is linked beside the first action.
    return [_action(one, one.description) for one in suggestions if one.advice_id != "follow_runbook"]


def _planned(request: PostProcessRequest) -> list[Action]:
    mitigations = request.solution.mitigations if request.solution else []
    return [_action(one, one.action) for one in mitigations]


def _action(advice: Suggestion | Mitigation, text: str) -> Action:
    return Action(advice.advice_id, text, tuple(advice.steps), tuple(advice.commands), advice.priority)


def _actions(request: PostProcessRequest) -> list[Action]:
    """Return the actions, each once with its steps and commands; of several ways back to an older release the first."""
    first = _first(request)
    others = sorted([*_suggested(request), *_planned(request)], key=lambda action: _PRIORITIES.index(action.priority))
    if request.pull_request is not None and request.pull_request.pr_url:
        # It does so already, and stands beside the first action.
        others = [action for action in others if action.advice_id != FIX]
    # The same action from another agent comes right after the first, because its steps fit best.
    others.sort(key=lambda action: first is None or _words(action.text) != _words(first.text))
    actions: dict[str, Action] = {}
    for action in [*([first] if first else []), *others]:
        same = actions.setdefault(action.key, action)
        commands = {(one.command, one.link): one for one in (*same.commands, *action.commands)}
        actions[action.key] = replace(same, steps=same.steps or action.steps, commands=tuple(commands.values()))
    return list(actions.values())


def _words(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def _command(command: Command) -> Block:
    """Return a command or a query as a block of its own, to be copied, and a page as a link."""
    if command.link:
        return Links((Link(command.what, command.link),))
    return Code(command.command, command.what, is_command=True) if len(command.command) <= COMMAND_CHARS else LEFT_OUT
