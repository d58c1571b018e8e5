"""The section on what to do now: the agents' advice as one list, the most certain first, each once."""

import re
from dataclasses import dataclass, replace

from shared.bounds import clip
from shared.contracts import PostProcessRequest

from ..model import LEFT_OUT, Block, Code, Items, Section, TextLine, Words, prose

ACTIONS = 6
COMMAND_CHARS = 600
CULPRIT = 0.5
"""Score from which a commit is named as the culprit."""
_PRIORITIES = ("high", "medium", "low")
_WAY_BACK = re.compile(r"\b(?:roll\w*\b.{0,80}?\bback|roll-?back|revert|undo|take\b.{0,80}?\bback)\b", re.IGNORECASE)
_OTHER_WAY = re.compile(r"config|setting|flag|schema|migration|database|\bdata\b", re.IGNORECASE)
_COMMAND = re.compile(
    r"(\$ |sudo )?(kubectl|gcloud|gsutil|git|gh|curl|docker|helm|terraform|aws|az|psql|redis-cli|systemctl|argocd|flux"
    r"|ssh)\s"
)


@dataclass(frozen=True)
class Action:
    """One thing to do."""

    text: str
    steps: tuple[str, ...] = ()
    priority: str = "high"

    @property
    def key(self) -> str:
        """The bare words, which identify advice that is given twice."""
        return re.sub(r"\W+", " ", self.text.lower()).strip()

    @property
    def leads_back(self) -> bool:
        """Whether it returns to an older release; restoring a flag or a database does not count."""
        return bool(_WAY_BACK.search(self.text)) and not _OTHER_WAY.search(self.text)


def do_now(request: PostProcessRequest) -> Section:
    """Return what to do, the first action first, each once."""
    actions = _actions(request)[:ACTIONS]
    if not actions:
        return Section("Do now", (TextLine("Nothing was suggested. Start with the evidence and the links below."),))
    blocks: list[Block] = []
    for number, action in enumerate(actions, 1):
        blocks.append(Words(prose(action.text, 400), number == 1, f"{number}."))
        blocks += _steps(action)
    return Section("Do now", tuple(blocks))


def recommended(request: PostProcessRequest) -> str:
    """Return the first action, empty when there is none."""
    first = _first(request)
    return first.text if first else ""


def _first(request: PostProcessRequest) -> Action | None:
    """Prefer what names the culprit to what was advised before it was known."""
    advice = _recommended(request)
    all_actions = (*advice, *_planned(request), *_suggested(request))
    naming = (action for action in all_actions if _names_culprit(action, request))
    first = next(naming, advice[0] if advice else None)
    if first is not None and first.leads_back and not _names_version(first, request):
        # What was advised before the code host was read may not know which version ran before.
        back = (action for action in all_actions if action.leads_back and _names_version(action, request))
        return next(back, first)
    return first


def _recommended(request: PostProcessRequest) -> list[Action]:
    suggestions, solution = request.suggestions, request.solution
    actions = [Action(suggestions.recommended_action)] if suggestions else []
    actions += [Action(solution.recommended_solution)] if solution else []
    return [action for action in actions if action.text][:1]


def _names_culprit(action: Action, request: PostProcessRequest) -> bool:
    commits = request.code_analysis.suspect_commits if request.code_analysis else []
    return any(commit.score >= CULPRIT and commit.sha[:7] in action.text for commit in commits)


def _names_version(action: Action, request: PostProcessRequest) -> bool:
    """Return whether it names a version that ran before a change."""
    answers = (request.incident, request.code_analysis)
    changes = [change for answer in answers if answer for change in answer.what_changed]
    return any(change.version_before and change.version_before in action.text for change in changes)


def _suggested(request: PostProcessRequest) -> list[Action]:
    answer = request.suggestions
    suggestions = answer.suggestions if answer else []
    return [Action(one.description, tuple(one.steps), one.priority) for one in suggestions]


def _planned(request: PostProcessRequest) -> list[Action]:
    answer = request.solution
    mitigations = answer.mitigations if answer else []
    return [Action(one.action, tuple(one.steps), one.priority) for one in mitigations]


def _actions(request: PostProcessRequest) -> list[Action]:
    """Return the actions, each once; of several ways back to an older release only the first, with its steps."""
    first = _first(request)
    others = sorted([*_suggested(request), *_planned(request)], key=lambda action: _PRIORITIES.index(action.priority))
    # The same action from another agent comes right after the first, because its steps fit best.
    others.sort(key=lambda action: first is None or action.key != first.key)
    actions: dict[str, Action] = {}
    for action in [*([first] if first else []), *others]:
        same = actions.setdefault("back" if action.leads_back else action.key, action)
        actions["back" if action.leads_back else action.key] = replace(same, steps=same.steps or action.steps)
    return list(actions.values())


def _steps(action: Action) -> list[Block]:
    """Return each command as its own block, to be copied; prose between them as lists."""
    blocks: list[Block] = []
    for step in action.steps[:6]:
        bare = step.strip().strip("`")
        if _COMMAND.match(bare):
            command = Code(bare.removeprefix("$ "), "Suggested command", is_command=True)
            blocks.append(command if len(bare) <= COMMAND_CHARS else LEFT_OUT)
        elif blocks and isinstance(blocks[-1], Items):
            blocks[-1] = replace(blocks[-1], texts=(*blocks[-1].texts, clip(step, 300)))
        else:
            blocks.append(Items((clip(step, 300),)))
    return blocks
