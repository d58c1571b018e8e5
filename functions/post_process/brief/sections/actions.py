"""The section that says what to do now: the agents' advice as one list, the surest first, each once."""

import re
from dataclasses import dataclass, replace

from shared.contracts import PostProcessRequest

from ..model import LEFT_OUT, Block, Code, Items, Section, TextLine, Words, clip, is_by_model, prose

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
    """One thing to do; Markdown when a model wrote it."""

    text: str
    steps: tuple[str, ...] = ()
    priority: str = "high"
    is_markdown: bool = False

    @property
    def key(self) -> str:
        """The bare words, by which the same advice given twice is known."""
        return re.sub(r"\W+", " ", self.text.lower()).strip()

    @property
    def leads_back(self) -> bool:
        """It returns to an older release; putting a flag or a database back is another matter."""
        return bool(_WAY_BACK.search(self.text)) and not _OTHER_WAY.search(self.text)


def do_now(request: PostProcessRequest) -> Section:
    """Return what to do, the first action first, each once."""
    actions = _actions(request)[:ACTIONS]
    if not actions:
        return Section("Do now", (TextLine("Nothing was suggested. Start with the evidence and the links below."),))
    blocks: list[Block] = []
    for number, action in enumerate(actions, 1):
        blocks.append(Words(prose(action.text, 400), number == 1, f"{number}.", action.is_markdown))
        blocks += _steps(action)
    return Section("Do now", tuple(blocks))


def recommended(request: PostProcessRequest) -> str:
    """Return the first action, empty when nobody recommended one."""
    first = _first(request)
    return first.text if first else ""


def _first(request: PostProcessRequest) -> Action | None:
    """Prefer what names the culprit to what was advised before it was known."""
    said = _recommended(request)
    naming = (action for action in (*said, *_planned(request), *_asked(request)) if _names_culprit(action, request))
    return next(naming, said[0] if said else None)


def _recommended(request: PostProcessRequest) -> list[Action]:
    suggestions, solution = request.suggestions, request.solution
    found = [Action(suggestions.recommended_action, is_markdown=is_by_model(suggestions))] if suggestions else []
    found += [Action(solution.recommended_solution, is_markdown=is_by_model(solution))] if solution else []
    return [action for action in found if action.text][:1]


def _names_culprit(action: Action, request: PostProcessRequest) -> bool:
    commits = request.code_analysis.suspect_commits if request.code_analysis else []
    return any(commit.score >= CULPRIT and commit.sha[:7] in action.text for commit in commits)


def _asked(request: PostProcessRequest) -> list[Action]:
    given = request.suggestions
    is_markdown = is_by_model(given)
    found = given.suggestions if given else []
    return [Action(one.description, tuple(one.steps), one.priority, is_markdown) for one in found]


def _planned(request: PostProcessRequest) -> list[Action]:
    given = request.solution
    is_markdown = is_by_model(given)
    found = given.mitigations if given else []
    return [Action(one.action, tuple(one.steps), one.priority, is_markdown) for one in found]


def _actions(request: PostProcessRequest) -> list[Action]:
    """Return the actions, each once; of several ways back to an older release the first stands, with its steps."""
    first = _first(request)
    others = sorted([*_asked(request), *_planned(request)], key=lambda action: _PRIORITIES.index(action.priority))
    # What the first action is called elsewhere comes right behind it, for its own steps are the best.
    others.sort(key=lambda action: first is None or action.key != first.key)
    actions: dict[str, Action] = {}
    for action in [*([first] if first else []), *others]:
        same = actions.setdefault("back" if action.leads_back else action.key, action)
        actions["back" if action.leads_back else action.key] = replace(same, steps=same.steps or action.steps)
    return list(actions.values())


def _steps(action: Action) -> list[Block]:
    """Commands stand alone, to be copied; prose between them is listed."""
    blocks: list[Block] = []
    for step in action.steps[:6]:
        bare = step.strip().strip("`")
        if _COMMAND.match(bare):
            command = Code(bare.removeprefix("$ "), "Suggested command", is_command=True)
            blocks.append(command if len(bare) <= COMMAND_CHARS else LEFT_OUT)
        elif blocks and isinstance(blocks[-1], Items):
            blocks[-1] = replace(blocks[-1], texts=(*blocks[-1].texts, clip(step, 300)))
        else:
            blocks.append(Items((clip(step, 300),), action.is_markdown))
    return blocks
