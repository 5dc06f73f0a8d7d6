"""PostgreSQL as the compose file has it: over TCP, with a user and a password, on an address of its own."""

from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from server.postgres import SUPERUSER, EmbeddedPostgres


class TcpPostgres:
    """A PostgreSQL 18 on `host`:5432 that asks for the password of POSTGRES_USER. `close()` ends it."""

    def __init__(self, folder: Path, host: str, environment: Mapping[str, str]) -> None:
        self._server = EmbeddedPostgres(folder)
        self._server.open("postgres")
        user, database = environment["POSTGRES_USER"], environment["POSTGRES_DB"]
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            password = sql.Literal(environment["POSTGRES_PASSWORD"])
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(user), password))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(user)))
            connection.execute(sql.SQL("ALTER SYSTEM SET listen_addresses = {}").format(sql.Literal(host)))
        access = self._server.data / "pg_hba.conf"
        access.write_text(f"local all {SUPERUSER} trust\nhost {database} {user} 127.0.0.0/8 scram-sha-256\n", "utf-8")
        self._server.stop()
        self._server.open("postgres")

    def close(self) -> None:
        self._server.close()
