"""The JSON of the GitHub REST API, with the fields that clients read.

Source: https://docs.github.com/en/rest (API version 2022-11-28)
"""

import re
from datetime import datetime
from urllib.parse import quote

from infra.local.sandboxes.github.api import ApiCall, Json
from infra.local.sandboxes.github.diff import ChangedFile
from infra.local.sandboxes.github.git import CommitRecord, Person, TreeEntry


def stamp(moment: datetime) -> str:
    """Write a UTC time as GitHub does, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def user(call: ApiCall, login: str) -> Json:
    """Shape an account."""
    return {
        "login": login,
        "id": 1,
        "node_id": "U_1",
        "type": "User",
        "site_admin": False,
        "url": f"{call.api}/users/{login}",
        "html_url": f"{call.web}/{login}",
        "avatar_url": "",
    }


def account(call: ApiCall, who: Person) -> Json | None:
    """Shape the account of an author; only GitHub's own no-reply addresses have one."""
    match = re.fullmatch(r"(?:\d+\+)?([A-Za-z0-9-]+)@users\.noreply\.github\.com", who.email)
    return user(call, match[1]) if match else None


def repository(call: ApiCall) -> Json:
    """Shape the repository."""
    return {
        "id": 1,
        "node_id": "R_1",
        "name": call.repo.split("/")[1],
        "full_name": call.repo,
        "private": False,
        "owner": user(call, call.owner),
        "html_url": call.repo_web,
        "description": None,
        "fork": False,
        "url": call.repo_api,
        "clone_url": f"{call.repo_web}.git",
        "default_branch": call.default_branch,
        "archived": call.is_archived,
        "disabled": False,
        "visibility": "public",
        "permissions": {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True},
    }


def ref(call: ApiCall, name: str, sha: str, kind: str) -> Json:
    """Shape a reference; `kind` is commit or tag."""
    target = {"sha": sha, "type": kind, "url": f"{call.repo_api}/git/{kind}s/{sha}"}
    return {"ref": name, "node_id": "REF_1", "url": f"{call.repo_api}/git/{quote(name)}", "object": target}


def person(who: Person) -> Json:
    """Shape an author or committer."""
    return {"name": who.name, "email": who.email, "date": stamp(who.at)}


def _unsigned() -> Json:
    return {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def git_commit(call: ApiCall, record: CommitRecord) -> Json:
    """Shape a commit of the git data API."""
    parents = [
        {
            "sha": sha,
            "url": f"{call.repo_api}/git/commits/{sha}",
            "html_url": f"{call.repo_web}/commit/{sha}",
        }
        for sha in record.parents
    ]
    return {
        "sha": record.sha,
        "node_id": "C_1",
        "url": f"{call.repo_api}/git/commits/{record.sha}",
        "html_url": f"{call.repo_web}/commit/{record.sha}",
        "author": person(record.author),
        "committer": person(record.committer),
        "tree": {"sha": record.tree, "url": f"{call.repo_api}/git/trees/{record.tree}"},
        "message": record.message,
        "parents": parents,
        "verification": _unsigned(),
    }


def commit(call: ApiCall, record: CommitRecord) -> Json:
    """Shape a commit of the commits API, without its files."""
    url = f"{call.repo_api}/commits/{record.sha}"
    parents = [
        {"sha": sha, "url": f"{call.repo_api}/commits/{sha}", "html_url": f"{call.repo_web}/commit/{sha}"}
        for sha in record.parents
    ]
    return {
        "sha": record.sha,
        "node_id": "C_1",
        "commit": {
            "author": person(record.author),
            "committer": person(record.committer),
            "message": record.message,
            "tree": {"sha": record.tree, "url": f"{call.repo_api}/git/trees/{record.tree}"},
            "url": f"{call.repo_api}/git/commits/{record.sha}",
            "comment_count": 0,
            "verification": _unsigned(),
        },
        "url": url,
        "html_url": f"{call.repo_web}/commit/{record.sha}",
        "comments_url": f"{url}/comments",
        "author": account(call, record.author),
        "committer": account(call, record.committer),
        "parents": parents,
    }


def changed_file(call: ApiCall, changed: ChangedFile, sha: str) -> Json:
    """Shape one file of a diff, at commit `sha`; without a patch the field is left out, as on GitHub."""
    path = quote(changed.path)
    shape: Json = {
        "sha": changed.sha,
        "filename": changed.path,
        "status": changed.status,
        "additions": changed.additions,
        "deletions": changed.deletions,
        "changes": changed.additions + changed.deletions,
        "blob_url": f"{call.repo_web}/blob/{sha}/{path}",
        "raw_url": f"{call.repo_web}/raw/{sha}/{path}",
        "contents_url": f"{call.repo_api}/contents/{path}?ref={sha}",
    }
    if changed.patch is not None:
        shape["patch"] = changed.patch
    if changed.previous_path is not None:
        shape["previous_filename"] = changed.previous_path
    return shape


def tree_entry(call: ApiCall, entry: TreeEntry) -> Json:
    """Shape one row of a tree; submodules have no URL, and only blobs a size."""
    shape: Json = {"path": entry.path, "mode": entry.mode, "type": entry.type, "sha": entry.sha}
    if entry.size is not None:
        shape["size"] = entry.size
    if entry.type != "commit":
        shape["url"] = f"{call.repo_api}/git/{entry.type}s/{entry.sha}"
    return shape


def content(call: ApiCall, entry: TreeEntry, path: str, at: str) -> Json:
    """Shape a file, folder, link or submodule of the contents API, without its content."""
    kinds = {"120000": "symlink", "160000": "submodule", "040000": "dir"}
    url = f"{call.repo_api}/contents/{quote(path)}?ref={quote(at)}"
    html_url = f"{call.repo_web}/blob/{quote(at)}/{quote(path)}"
    git_url = f"{call.repo_api}/git/{entry.type}s/{entry.sha}"
    return {
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": f"{call.repo_web}/raw/{quote(at)}/{quote(path)}",
        "type": kinds.get(entry.mode, "file"),
        "_links": {"self": url, "git": git_url, "html": html_url},
    }


def label(call: ApiCall, name: str) -> Json:
    """Shape a label."""
    return {"id": 1, "name": name, "color": "ededed", "default": False, "url": f"{call.repo_api}/labels/{name}"}


def team(call: ApiCall, slug: str) -> Json:
    """Shape a team of the owner."""
    return {"id": 1, "node_id": "T_1", "name": slug, "slug": slug, "url": f"{call.api}/organizations/1/team/1"}


def pull(call: ApiCall, row: Json) -> Json:
    """Shape a pull request; `row` is its row in the store."""
    page = f"{call.repo_web}/pull/{row['number']}"
    issue = f"{call.repo_api}/issues/{row['number']}"
    same = ("number", "state", "title", "body", "draft", "created_at", "updated_at")
    return {
        **{key: row[key] for key in same},
        "head": _pull_end(call, row["head"]),
        "base": _pull_end(call, row["base"]),
        "id": row["number"],
        "node_id": f"PR_{row['number']}",
        "url": f"{call.repo_api}/pulls/{row['number']}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "comments_url": f"{issue}/comments",
        "user": user(call, "sandbox"),
        "labels": [label(call, name) for name in row["labels"]],
        "requested_reviewers": [user(call, login) for login in row.get("reviewers", [])],
        "requested_teams": [team(call, slug) for slug in row.get("teams", [])],
        "locked": False,
        "merged": row.get("merged_at") is not None,
        "merged_at": row.get("merged_at"),
        "merge_commit_sha": row.get("merge_commit"),
        "closed_at": row.get("closed_at"),
        "mergeable": None,
        "comments": len(row["comments"]),
    }


def _pull_end(call: ApiCall, branch: str) -> Json:
    return {
        "label": f"{call.owner}:{branch}",
        "ref": branch,
        "sha": call.heads.get(branch),
        "user": user(call, call.owner),
        "repo": repository(call),
    }


def deployment(call: ApiCall, row: Json) -> Json:
    """Shape a deployment; `row` is a row of deployments.json."""
    url = f"{call.repo_api}/deployments/{row['id']}"
    moment = stamp(datetime.fromisoformat(row["created_at"]))
    return {
        "url": url,
        "id": row["id"],
        "node_id": "DE_1",
        "sha": call.git.resolve(row["ref"]),
        "ref": row["ref"],
        "task": "deploy",
        "payload": {},
        "original_environment": row["environment"],
        "environment": row["environment"],
        "description": row.get("description"),
        "creator": user(call, row["creator"]),
        "created_at": moment,
        "updated_at": moment,
        "statuses_url": f"{url}/statuses",
        "repository_url": call.repo_api,
        "transient_environment": False,
        "production_environment": row.get("production_environment", False),
    }


def deployment_status(call: ApiCall, row: Json, state: Json, number: int) -> Json:
    """Shape one state of a deployment, the newest with the highest number."""
    url = f"{call.repo_api}/deployments/{row['id']}"
    moment = stamp(datetime.fromisoformat(state["created_at"]))
    return {
        "url": f"{url}/statuses/{number}",
        "id": number,
        "node_id": "DES_1",
        "state": state["state"],
        "creator": user(call, row["creator"]),
        "description": "",
        "environment": row["environment"],
        "target_url": state.get("log_url", ""),
        "log_url": state.get("log_url", ""),
        "environment_url": "",
        "created_at": moment,
        "updated_at": moment,
        "deployment_url": url,
        "repository_url": call.repo_api,
    }


def release(call: ApiCall, row: Json) -> Json:
    """Shape a release; `row` is a row of releases of deployments.json."""
    moment = stamp(datetime.fromisoformat(row["published_at"]))
    return {
        "url": f"{call.repo_api}/releases/{row['id']}",
        "html_url": f"{call.repo_web}/releases/tag/{quote(row['tag_name'])}",
        "id": row["id"],
        "node_id": "RE_1",
        "tag_name": row["tag_name"],
        "target_commitish": call.default_branch,
        "name": row.get("name", row["tag_name"]),
        "draft": row.get("draft", False),
        "prerelease": False,
        "immutable": False,
        "created_at": moment,
        "published_at": None if row.get("draft") else moment,
        "author": user(call, row.get("author", "sandbox")),
        "body": "",
        "assets": [],
    }
