"""The Hub's answers, one function a route; formats as huggingface_hub 2.4 reads them."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .metadata import metadata_errors
from .repositories import Hub, Refusal, Repository, identity, is_large

KINDS = {"model": "models", "dataset": "datasets", "space": "spaces"}


@dataclass(frozen=True)
class Request:
    """A request, its path in unquoted words."""

    method: str
    words: tuple[str, ...]
    query: dict[str, str]
    body: bytes
    authorization: str | None

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")


@dataclass(frozen=True)
class Answer:
    """A status and a body: JSON, or bytes as they are."""

    status: int
    value: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.value if isinstance(self.value, bytes) else json.dumps(self.value).encode()


def answer(hub: Hub, request: Request, url: str, store_url: str) -> Answer:
    """Answer one request, or raise `Refusal`."""
    account = hub.account(request.authorization)
    words = request.words
    if words == ("api", "whoami-v2"):
        return _whoami(account)
    if words == ("api", "validate-yaml"):
        errors = metadata_errors(request.json["content"])
        report = {"errors": [{"message": error} for error in errors], "warnings": []}
        return Answer(400 if errors else 200, report)
    if words == ("api", "repos", "create"):
        return _create(hub, request, account, url)
    if words[0] == "api" and len(words) >= 4 and words[1] in KINDS.values():
        return _api(hub, request, account, url)
    kind, words = (words[0], words[1:]) if words[0] in KINDS.values() else ("models", words)
    if len(words) > 4 and words[2] == "resolve":
        repository = hub.downloadable(kind, "/".join(words[:2]), account)
        return _resolve(hub, repository, words[3], "/".join(words[4:]), store_url)
    if words[2:] == ("info", "lfs", "objects", "batch"):
        id = "/".join(words[:2]).removesuffix(".git")
        hub.writable(kind, id, account)
        return _lfs_batch(hub, request, store_url, f"{url}/verify")
    if words == ("verify",):
        present = request.json["oid"] in hub.objects
        return Answer(200 if present else 404)
    raise Refusal(404, None, "no such address")


def _whoami(account: Any) -> Answer:
    if account is None:
        raise Refusal(401, None, "Invalid username or password.")
    token = {"displayName": "a token", "role": account.role}
    return Answer(
        200,
        {
            "type": "user",
            "name": account.name,
            "orgs": [{"name": name} for name in account.organizations],
            "auth": {"type": "access_token", "accessToken": token},
        },
    )


def _create(hub: Hub, request: Request, account: Any, url: str) -> Answer:
    wanted = request.json
    namespace = wanted.get("organization") or (account.name if account else "")
    hub.check_write(namespace, account)
    kind, id = KINDS[wanted.get("type") or "model"], f"{namespace}/{wanted['name']}"
    private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    try:
        repository = hub.create(kind, id, private=private)
    except Refusal as refusal:
        path = hub.repositories[kind, id].path
        return Answer(refusal.status, {"error": refusal.message, "url": f"{url}/{path}"})
    return Answer(200, {"url": f"{url}/{repository.path}", "name": id, "id": id})


def _api(hub: Hub, request: Request, account: Any, url: str) -> Answer:
    kind, id, action = request.words[1], "/".join(request.words[2:4]), request.words[4:]
    if request.method == "GET":
        repository = hub.readable(kind, id, account)
        if not action or action[0] == "revision":
            return _info(repository, *action[1:2])
        if action[0] == "tree":
            return _tree(repository, action[1], "/".join(action[2:]), "recursive" in request.query)
        if action[0] == "refs":
            return _references(repository)
    else:
        repository = hub.writable(kind, id, account)
        actions: dict[str, Callable[[], Answer]] = {
            "preupload": lambda: _preupload(repository, request),
            "commit": lambda: _commit(hub, repository, request, url),
            "branch": lambda: _branch(repository, request),
        }
        if action and action[0] in actions:
            return actions[action[0]]()
    raise Refusal(404, None, "no such address")


def _info(repository: Repository, revision: str = "main") -> Answer:
    commit = repository.commit_of(revision)
    siblings = [{"rfilename": path} for path in sorted(repository.trees[commit])]
    about = {"id": repository.id, "sha": commit, "private": repository.private}
    about |= {"gated": "manual" if repository.gated else False, "tags": [], "downloads": 0}
    return Answer(200, {**about, "siblings": siblings})


def _tree(repository: Repository, revision: str, folder: str, recursive: bool) -> Answer:
    prefix = f"{folder}/" if folder else ""
    entries: dict[str, dict[str, Any]] = {}
    for path, content in sorted(repository.files(revision).items()):
        if not path.startswith(prefix):
            continue
        inside, _, below = path[len(prefix) :].partition("/")
        if below:
            name = prefix + inside
            entries[name] = {"type": "directory", "path": name, "oid": "0" * 40, "size": 0}
        if recursive or not below:
            oid = identity(path, content)
            entries[path] = {"type": "file", "path": path, "oid": oid, "size": len(content)}
            if is_large(path):
                entries[path]["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 130}
    if folder and not entries:
        raise Refusal(404, "EntryNotFound", f"{folder} does not exist on {revision}")
    return Answer(200, list(entries.values()))


def _references(repository: Repository) -> Answer:
    branches = [
        {"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit}
        for name, commit in repository.references.items()
        if not name.startswith("refs/")
    ]
    return Answer(200, {"branches": branches, "converts": [], "tags": []})


def _preupload(repository: Repository, request: Request) -> Answer:
    revision = request.words[5]
    files = repository.files(revision)
    found = []
    for file in request.json["files"]:
        path = file["path"]
        mode = "lfs" if is_large(path) else "regular"
        entry = {"path": path, "uploadMode": mode, "shouldIgnore": False}
        if path in files:
            entry["oid"] = identity(path, files[path])
        found.append(entry)
    return Answer(200, {"files": found})


def _commit(hub: Hub, repository: Repository, request: Request, url: str) -> Answer:
    reference, pull_request = request.words[5], None
    if request.query.get("create_pr") == "1":
        reference = repository.open_pull_request()
        pull_request = f"{url}/{repository.path}/discussions/{reference.rpartition('/')[2]}"
    files = dict(repository.files(reference))
    for line in request.body.splitlines():
        operation = json.loads(line)
        key, value = operation["key"], operation["value"]
        parent = value.get("parentCommit")
        if key == "header" and parent not in (None, repository.commit_of(reference)):
            raise Refusal(412, None, "A commit has happened since. Please refresh and try again.")
        if key == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            if value["oid"] not in hub.objects:
                raise Refusal(400, None, f"{value['path']} was not uploaded")
            files[value["path"]] = hub.objects[value["oid"]]
        elif key == "deletedFile":
            del files[value["path"]]
    commit = repository.record(reference, files)
    result = {"commitUrl": f"{url}/{repository.path}/commit/{commit}", "commitOid": commit}
    return Answer(200, result | ({"pullRequestUrl": pull_request} if pull_request else {}))


def _branch(repository: Repository, request: Request) -> Answer:
    repository.branch(request.words[5], request.json.get("startingPoint", "main"))
    return Answer(201)


def _lfs_batch(hub: Hub, request: Request, store_url: str, verify: str) -> Answer:
    objects = []
    for wanted in request.json["objects"]:
        entry = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] not in hub.objects:
            upload = {"href": _signed(store_url, wanted["oid"])}
            entry["actions"] = {"upload": upload, "verify": {"href": verify}}
        objects.append(entry)
    return Answer(200, {"transfer": "basic", "objects": objects})


def _resolve(hub: Hub, repository: Repository, revision: str, path: str, store_url: str) -> Answer:
    commit = repository.commit_of(revision)
    headers = {"X-Repo-Commit": commit}
    content = repository.trees[commit].get(path)
    if content is None:
        return Answer(404, b"", {**headers, "X-Error-Code": "EntryNotFound"})
    oid = identity(path, content)
    if not is_large(path):
        return Answer(200, content, {**headers, "ETag": f'"{oid}"'})
    hub.objects.setdefault(hashlib.sha256(content).hexdigest(), content)
    headers |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
    return Answer(302, b"", {**headers, "ETag": f'"{oid}"', "Location": _signed(store_url, oid)})


def _signed(store_url: str, oid: str) -> str:
    return f"{store_url}/objects/{oid}?signature={oid[:8]}"
