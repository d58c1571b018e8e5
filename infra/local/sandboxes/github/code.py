"""The endpoints that read code: repository, branches, commits, comparisons, contents, search."""

import re
import shlex

from infra.local.sandboxes.github import json_shapes as shape
from infra.local.sandboxes.github.api import ApiCall, GithubApiError, Json, encoded, link, not_found, paged
from infra.local.sandboxes.github.diff import changed_files, unified_diff
from infra.local.sandboxes.github.git import GitError
from infra.local.sandboxes.http import Reply

_MAX_INLINE_BYTES = 1024 * 1024


def get_repository(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}."""
    return Reply.of_json(shape.repository(call))


def list_branches(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/branches."""
    rows = [
        {"name": name, "commit": {"sha": sha, "url": f"{call.repo_api}/commits/{sha}"}, "protected": False}
        for name, sha in call.heads.items()
    ]
    return paged(call, rows)


def get_branch(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/branches/{branch}."""
    name = call.args[0]
    if name not in call.heads:
        raise GithubApiError(404, "Branch not found")
    links = {"self": f"{call.repo_api}/branches/{name}", "html": f"{call.repo_web}/tree/{name}"}
    commit = shape.commit(call, call.git.commit(call.heads[name]))
    return Reply.of_json({"name": name, "commit": commit, "_links": links, "protected": False})


def list_commits(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/commits."""
    request = call.request
    ref = call.commit_sha(request.param("sha") or call.default_branch)
    size, page = call.number("per_page", 30, 100), call.number("page", 1, 10**6)
    options = [f"--{name}={request.param(name)}" for name in ("since", "until", "author") if request.param(name)]
    path = request.param("path").strip("/")
    rows = call.git.log(ref, path=path, options=options, skip=(page - 1) * size, limit=size)
    total = call.git.count(ref, path=path, options=options)
    return Reply.of_json([shape.commit(call, row) for row in rows], headers=link(call, total, size, page))


def get_commit(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/commits/{ref}; the Accept header may request only the sha or only the diff."""
    sha = call.git.resolve(call.args[0])
    if sha is None:
        raise call.absent(GithubApiError(422, f"No commit found for SHA: {call.args[0]}"))
    accept = call.request.headers.get("Accept", "")
    record = call.git.commit(sha)
    base = record.parents[0] if record.parents else None
    if re.search(r"github(\.v3)?\.sha", accept):
        return Reply.of_text(sha)
    if re.search(r"github(\.v3)?\.(diff|patch)", accept):
        return Reply.of_text(unified_diff(call.git, base, sha))
    files = changed_files(call.git, base, sha)
    size, page = call.number("per_page", 300, 300), call.number("page", 1, 10**6)
    added, deleted = sum(file.additions for file in files), sum(file.deletions for file in files)
    body = {
        **shape.commit(call, record),
        "stats": {"total": added + deleted, "additions": added, "deletions": deleted},
        "files": [shape.changed_file(call, file, sha) for file in files[(page - 1) * size : page * size]],
    }
    return Reply.of_json(body, headers=link(call, len(files), size, page))


def compare(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/compare/{base}...{head}."""
    base, head = (call.commit_sha(name.removeprefix(f"{call.owner}:")) for name in call.args)
    try:
        fork = call.git.merge_base(base, head)
    except GitError:
        raise GithubApiError(404, f"No common ancestor between {call.args[0]} and {call.args[1]}.") from None
    ahead, behind = call.git.count(f"{base}..{head}"), call.git.count(f"{head}..{base}")
    status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind", (False, False): "identical"}
    url = f"{call.repo_api}/compare/{call.args[0]}...{call.args[1]}"
    page = f"{call.repo_web}/compare/{call.args[0]}...{call.args[1]}"
    body = {
        "url": url,
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": shape.commit(call, call.git.commit(base)),
        "merge_base_commit": shape.commit(call, call.git.commit(fork)),
        "status": status[ahead > 0, behind > 0],
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [shape.commit(call, row) for row in reversed(call.git.log(f"{base}..{head}", limit=250))],
        "files": [shape.changed_file(call, file, head) for file in changed_files(call.git, fork, head)],
    }
    return Reply.of_json(body)


def get_contents(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/contents/{path}."""
    path = call.args[0].strip("/")
    at = call.request.param("ref") or call.default_branch
    sha = call.commit_sha(at)
    entry = call.git.entry(sha, path) if path else None
    if path and entry is None:
        raise not_found()
    if entry is None or entry.type == "tree":
        rows = call.git.tree(sha, path)
        inside = [shape.content(call, row, f"{path}/{row.path}".lstrip("/"), at) for row in rows]
        return Reply.of_json(inside)
    body = shape.content(call, entry, path, at)
    if body["type"] == "file":
        is_large = (entry.size or 0) > _MAX_INLINE_BYTES
        body["encoding"] = "none" if is_large else "base64"
        body["content"] = "" if is_large else encoded(call.git.blob(entry.sha))
    if body["type"] == "symlink":
        body["target"] = call.git.blob(entry.sha).decode(errors="replace")
    return Reply.of_json(body)


def search_code(call: ApiCall) -> Reply:
    """GET /search/code: every word must be in the file; of the qualifiers only `repo:` is applied."""
    try:
        parts = shlex.split(call.request.param("q"))
    except ValueError:
        parts = call.request.param("q").split()
    wanted = [part.removeprefix("repo:") for part in parts if part.startswith("repo:")]
    words = [part for part in parts if not re.match(r"(repo|user|org|path|language|extension|filename|in):", part)]
    if not words:
        raise GithubApiError(422, "Validation Failed", [{"resource": "Search", "field": "q", "code": "missing"}])
    sha = call.git.resolve(call.default_branch)
    is_here = not wanted or call.repo.lower() in (name.lower() for name in wanted)
    paths = call.git.grep(sha, words) if sha and is_here else []
    size, page = call.number("per_page", 30, 100), call.number("page", 1, 10**6)
    items = [_search_row(call, sha or "", path) for path in paths[(page - 1) * size : page * size]]
    body = {"total_count": len(paths), "incomplete_results": False, "items": items}
    return Reply.of_json(body, headers=link(call, len(paths), size, page))


def _search_row(call: ApiCall, sha: str, path: str) -> Json:
    entry = call.git.entry(sha, path)
    assert entry is not None, "git grep returns only existing files"
    keys = ("name", "path", "sha", "url", "git_url", "html_url")
    row = shape.content(call, entry, path, sha)
    return {**{key: row[key] for key in keys}, "repository": shape.repository(call), "score": 1.0}
