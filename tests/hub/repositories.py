"""What a Hub keeps: repositories with their commits and branches, and who may do what."""

import fnmatch
import hashlib
import itertools
from dataclasses import dataclass, field

LARGE_FILES = ("*.safetensors", "*.bin", "*.pt", "*.parquet", "*.arrow", "*.npz", "*.zip")
"""What the Hub keeps in its object store, as a new repository's .gitattributes says."""


class Refusal(Exception):
    """An answer that is an error: status, `X-Error-Code`, and what it says."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class Account:
    """Who a token belongs to, and whether it may write."""

    name: str
    role: str = "write"
    organizations: tuple[str, ...] = ()

    def may_write(self, namespace: str) -> bool:
        return self.role == "write" and namespace in (self.name, *self.organizations)


@dataclass
class Repository:
    """A repository: the whole tree of each commit, and the names of commits.

    A private one shows itself to its owner alone; a gated one to all, but not its files.
    """

    kind: str
    id: str
    private: bool = False
    gated: bool = False
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        attributes = "".join(f"{name} filter=lfs\n" for name in LARGE_FILES)
        self.record("main", {".gitattributes": attributes.encode()})

    @property
    def namespace(self) -> str:
        return self.id.partition("/")[0]

    @property
    def path(self) -> str:
        """Its place in an address."""
        return self.id if self.kind == "models" else f"{self.kind}/{self.id}"

    def commit_of(self, revision: str) -> str:
        """The commit that a branch, a pull request or a commit names."""
        commit = self.references.get(revision, revision)
        if commit not in self.trees:
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Every file of a revision by its path."""
        return self.trees[self.commit_of(revision)]

    def record(self, reference: str, files: dict[str, bytes]) -> str:
        """A new commit with exactly these files, at the end of a branch."""
        seed = f"{self.kind}/{self.id}/{reference}/{len(self.trees)}"
        commit = hashlib.sha1(seed.encode()).hexdigest()
        self.trees[commit] = files
        self.references[reference] = commit
        return commit

    def branch(self, name: str, start: str = "main") -> None:
        if name in self.references:
            raise Refusal(409, None, f"Reference already exists: {name}")
        self.references[name] = self.commit_of(start)

    def open_pull_request(self) -> str:
        """The reference of a new pull request."""
        reference = next(
            name for n in itertools.count(1) if (name := f"refs/pr/{n}") not in self.references
        )
        self.branch(reference)
        return reference


@dataclass
class Hub:
    """All repositories, tokens and large objects."""

    accounts: dict[str, Account] = field(default_factory=dict)
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)

    def account(self, authorization: str | None) -> Account | None:
        """Who asks; `None` without a token."""
        if authorization is None:
            return None
        account = self.accounts.get(authorization.removeprefix("Bearer "))
        if account is None:
            raise Refusal(401, None, "Invalid credentials in Authorization header")
        return account

    def create(self, kind: str, id: str, *, private: bool = False) -> Repository:
        if (kind, id) in self.repositories:
            raise Refusal(409, None, f"You already created this {kind[:-1]} repo: {id}")
        repository = self.repositories[kind, id] = Repository(kind, id, private)
        return repository

    def model(self, id: str) -> Repository:
        return self.repositories["models", id]

    def readable(self, kind: str, id: str, account: Account | None) -> Repository:
        """A repository that this account may know of."""
        repository = self.repositories.get((kind, id))
        known = () if account is None else (account.name, *account.organizations)
        if repository is None or (repository.private and repository.namespace not in known):
            raise Refusal(404 if account else 401, "RepoNotFound", "Repository not found")
        return repository

    def downloadable(self, kind: str, id: str, account: Account | None) -> Repository:
        """A repository whose files this account may have."""
        repository = self.readable(kind, id, account)
        if repository.gated and (account is None or account.name != repository.namespace):
            message = f"Access to model {id} is restricted."
            raise Refusal(403 if account else 401, "GatedRepo", message)
        return repository

    def writable(self, kind: str, id: str, account: Account | None) -> Repository:
        repository = self.readable(kind, id, account)
        self.check_write(repository.namespace, account)
        return repository

    def check_write(self, namespace: str, account: Account | None) -> None:
        if account is None:
            raise Refusal(401, None, "Invalid username or password.")
        if not account.may_write(namespace):
            raise Refusal(403, None, f"You don't have the rights to write in {namespace!r}")


def is_large(path: str) -> bool:
    """Whether a file goes to the object store."""
    return any(fnmatch.fnmatch(path.rpartition("/")[2], pattern) for pattern in LARGE_FILES)


def identity(path: str, content: bytes) -> str:
    """What the Hub calls a file's content: SHA-256 of a large one, git's SHA-1 of any other."""
    if is_large(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
