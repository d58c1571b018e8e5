"""The endpoints of the git data API: references, blobs, trees, commits."""

import base64
import binascii
import re
from datetime import UTC, datetime

from infra.local.sandboxes.github import json_shapes as shape
from infra.local.sandboxes.github.api import ApiCall, GithubApiError, Json, encoded, invalid, not_found
from infra.local.sandboxes.github.git import GitError, Person, TreeEdit
from infra.local.sandboxes.http import Reply
from shared import clock

_MODES = {"100644", "100755", "040000", "160000", "120000"}


def list_refs(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/git/refs and /git/matching-refs/{ref}."""
    prefix = "refs/" + (call.args[0] if call.args else "")
    rows = call.git.refs(prefix)
    if not rows and call.git.is_empty():
        raise GithubApiError(409, "Git Repository is empty.")
    return Reply.of_json([shape.ref(call, *row) for row in rows])


def get_ref(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/git/ref/{ref}: the exact reference."""
    rows, wanted = call.git.refs("refs/"), f"refs/{call.args[0]}"
    if not rows:
        raise GithubApiError(409, "Git Repository is empty.")
    row = next((row for row in rows if row[0] == wanted), None)
    if row is None:
        raise not_found()
    return Reply.of_json(shape.ref(call, *row))


def create_ref(call: ApiCall) -> Reply:
    """POST /repos/{owner}/{repo}/git/refs."""
    body = call.body()
    ref, sha = str(body.get("ref") or ""), str(body.get("sha") or "")
    if not re.fullmatch(r"refs/[^/]+/.+", ref):
        raise GithubApiError(422, "Reference name must start with 'refs/' and contain at least two slashes")
    if not re.fullmatch(r"[0-9a-f]{40}", sha) or call.git.resolve(sha) is None:
        raise GithubApiError(422, "Object does not exist")
    try:
        call.git.set_ref(ref, sha, is_new=True)
    except GitError:
        is_taken = any(row[0] == ref for row in call.git.refs(ref))
        raise GithubApiError(422, "Reference already exists" if is_taken else "Reference name is not valid") from None
    return Reply.of_json(shape.ref(call, ref, sha, "commit"), 201)


def update_ref(call: ApiCall) -> Reply:
    """PATCH /repos/{owner}/{repo}/git/refs/{ref}."""
    body, ref = call.body(), f"refs/{call.args[0]}"
    old, new = call.git.resolve(ref), call.git.resolve(str(body.get("sha") or ""))
    if old is None:
        raise GithubApiError(422, "Reference does not exist")
    if new is None:
        raise GithubApiError(422, "Object does not exist")
    if not body.get("force") and call.git.count(f"{new}..{old}"):
        raise GithubApiError(422, "Update is not a fast forward")
    call.git.set_ref(ref, new, is_new=False)
    return Reply.of_json(shape.ref(call, ref, new, "commit"))


def delete_ref(call: ApiCall) -> Reply:
    """DELETE /repos/{owner}/{repo}/git/refs/{ref}."""
    ref = f"refs/{call.args[0]}"
    if call.git.resolve(ref) is None:
        raise GithubApiError(422, "Reference does not exist")
    call.git.delete_ref(ref)
    return Reply(204)


def get_blob(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/git/blobs/{sha}."""
    sha = call.git.resolve(call.args[0], "blob")
    if sha is None:
        raise not_found()
    content = call.git.blob(sha)
    url = f"{call.repo_api}/git/blobs/{sha}"
    body = {"sha": sha, "node_id": "B_1", "size": len(content), "url": url}
    return Reply.of_json({**body, "content": encoded(content), "encoding": "base64"})


def create_blob(call: ApiCall) -> Reply:
    """POST /repos/{owner}/{repo}/git/blobs."""
    body = call.body()
    text, encoding = body.get("content"), body.get("encoding", "utf-8")
    if not isinstance(text, str) or encoding not in ("utf-8", "base64"):
        raise invalid("Blob", "content")
    try:
        content = text.encode() if encoding == "utf-8" else base64.b64decode(text)
    except (UnicodeError, binascii.Error):
        raise invalid("Blob", "content") from None
    sha = call.git.write_blob(content)
    return Reply.of_json({"sha": sha, "url": f"{call.repo_api}/git/blobs/{sha}"}, 201)


def get_tree(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/git/trees/{tree_sha}; the answer repeats the requested sha, as GitHub does."""
    # GitHub treats any value of `recursive` as true, even 0 and "false".
    is_recursive = "recursive" in call.request.query
    name = call.args[0]
    sha = name if call.git.resolve(name, "tree") and re.fullmatch("[0-9a-f]{40}", name) else call.git.resolve(name)
    if sha is None:
        raise call.absent(not_found())
    return _tree_reply(call, sha, 200, is_recursive=is_recursive)


def create_tree(call: ApiCall) -> Reply:
    """POST /repos/{owner}/{repo}/git/trees."""
    body = call.body()
    base = body.get("base_tree")
    base_tree = call.git.resolve(str(base), "tree") if base else None
    if base and base_tree is None:
        raise GithubApiError(422, "base_tree is not a valid tree oid")
    rows = body.get("tree")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GithubApiError(422, 'Invalid request.\n\n"tree" wasn\'t supplied.')
    edits = [edit for row in rows for edit in _tree_edits(call, row, base_tree)]
    try:
        sha = call.git.write_tree(base_tree, edits)
    except GitError as error:
        raise GithubApiError(422, f"tree contains an invalid entry: {error}") from None
    return _tree_reply(call, sha, 201)


def get_git_commit(call: ApiCall) -> Reply:
    """GET /repos/{owner}/{repo}/git/commits/{sha}."""
    sha = call.git.resolve(call.args[0]) if re.fullmatch(r"[0-9a-f]{40}", call.args[0]) else None
    if sha is None:
        raise not_found()
    return Reply.of_json(shape.git_commit(call, call.git.commit(sha)))


def create_commit(call: ApiCall) -> Reply:
    """POST /repos/{owner}/{repo}/git/commits."""
    body = call.body()
    message, tree, parents = body.get("message"), str(body.get("tree") or ""), body.get("parents", [])
    if not isinstance(message, str) or not message:
        raise GithubApiError(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
    if call.git.resolve(tree, "tree") != tree:
        raise GithubApiError(422, "Tree SHA does not exist")
    if any(call.git.resolve(str(parent)) != parent for parent in parents):
        raise GithubApiError(422, "Parent SHA does not exist or is not a commit object")
    author = _person(body.get("author"), Person("sandbox", "sandbox@users.noreply.github.com", clock.now()))
    record = call.git.write_commit(message, tree, parents, author, _person(body.get("committer"), author))
    return Reply.of_json(shape.git_commit(call, record), 201)


def _person(fields: Json | None, default: Person) -> Person:
    if not fields:
        return default
    at = datetime.fromisoformat(fields["date"]).astimezone(UTC) if fields.get("date") else default.at
    return Person(fields.get("name", default.name), fields.get("email", default.email), at)


def _tree_reply(call: ApiCall, sha: str, status: int, *, is_recursive: bool = False) -> Reply:
    entries = call.git.tree(sha, is_recursive=is_recursive)
    is_truncated = is_recursive and len(entries) > call.tree_limit
    rows = [shape.tree_entry(call, entry) for entry in (entries[: call.tree_limit] if is_truncated else entries)]
    body = {"sha": sha, "url": f"{call.repo_api}/git/trees/{sha}", "tree": rows, "truncated": is_truncated}
    return Reply.of_json(body, status)


def _tree_edits(call: ApiCall, row: Json, base_tree: str | None) -> list[TreeEdit]:
    """Read one row of a new tree: content to store, an existing object, or a null sha that deletes."""
    path, mode = str(row.get("path") or ""), str(row.get("mode") or "")
    if mode not in _MODES or not path or path.startswith("/") or ".." in path.split("/"):
        raise GithubApiError(422, "tree contains a malformed path or mode")
    if isinstance(row.get("content"), str):
        return [TreeEdit(path, mode, call.git.write_blob(row["content"].encode()))]
    sha = row.get("sha")
    if sha is None:
        if base_tree is None or call.git.entry(base_tree, path) is None:
            raise GithubApiError(422, "GitRPC::BadObjectState")
        return [TreeEdit(path, mode, None)]
    if mode == "160000":
        return [TreeEdit(path, mode, str(sha))]
    kind = "tree" if mode == "040000" else "blob"
    if call.git.resolve(str(sha), kind) != sha:
        raise GithubApiError(422, f"tree.sha {sha} is not a valid {kind}")
    if kind == "blob":
        return [TreeEdit(path, mode, str(sha))]
    inside = call.git.tree(str(sha), is_recursive=True)
    return [TreeEdit(f"{path}/{entry.path}", entry.mode, entry.sha) for entry in inside if entry.type != "tree"]
