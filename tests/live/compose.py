"""docker-compose.yml without Docker: the same services, commands and settings, started as processes.

Every service gets a loopback address of its own, as it would get one in a container network; folders take the place of volumes.
What is changed in a command or a setting is changed here, by name, and nothing else is. Not shown: the images themselves and the
isolation of networks by Docker.
"""

import re
import secrets
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.processes import REPOSITORY, claim, free_port

FILE = REPOSITORY / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:\?|:-)(?P<word>[^}]*))?\}|\$\$")


class MissingVariable(Exception):
    """A variable the file requires is not set."""


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$`, as Compose reads them. Raises: MissingVariable."""

    def value(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        found = variables.get(match["name"], "")
        if found == "" and match["kind"] == ":-":
            return match["word"]
        if found == "" and match["kind"] == ":?":
            raise MissingVariable(f"{match['name']}: {match['word']}")
        return found

    return VARIABLE.sub(value, text)


def read_compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables filled in. Raises: MissingVariable."""

    def fill(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [fill(value) for value in node]
        return interpolate(node, variables) if isinstance(node, str) else node

    filled: dict[str, Any] = fill(yaml.safe_load(FILE.read_text("utf-8")))
    return filled


def variables_for_trial(**more: str) -> dict[str, str]:
    """A value for everything the file requires; secrets are fresh each time."""
    names = (
        "HOLDSTILL_DATABASE_PASSWORD",
        "HOLDSTILL_S3_SECRET_KEY",
        "WEED_JWT_SIGNING_KEY",
        "WEED_JWT_FILER_SIGNING_KEY",
        "WEED_JWT_FILER_SIGNING_READ_KEY",
        "WEED_S3_SSE_KEK_PASSPHRASE",
    )
    return {name: secrets.token_hex(24) for name in names} | more


class Topology:
    """Where each service of the file lives in this run: addresses, ports and folders in place of names and volumes."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self._variables = dict(variables)
        drawn = (f"127.{secrets.randbelow(250) + 2}.{secrets.randbelow(254) + 1}" for _ in range(1000))
        net = next(one for one in drawn if claim(f"net-{one}"))  # its ports are the file's own: the addresses are nobody else's
        self.hosts = {"serve": f"{net}.1", "witness": f"{net}.2", "postgres": f"{net}.3", "seaweedfs": f"{net}.4"}
        self.inside = f"{net}.5"  # the loopback of SeaweedFS's own container
        self.s3_port = free_port(self.hosts["seaweedfs"])
        self.weed_ports = {name: free_port(self.inside) for name in ("master", "volume", "filer")}
        self.file = read_compose(variables)
        self.services: dict[str, Any] = self.file["services"]

    def with_variables(self, **more: str) -> "Topology":
        """The same places, the file read again with more variables."""
        self._variables |= more
        self.file = read_compose(self._variables)
        self.services = self.file["services"]
        return self

    def path(self, name: str) -> Path:
        """The folder that stands for a volume."""
        made = self.folder / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    @property
    def s3_url(self) -> str:
        return f"http://{self.hosts['seaweedfs']}:{self.s3_port}"

    def environment(self, service: str) -> dict[str, str]:
        """The service's settings with this run's places in them."""
        given = {name: str(value) for name, value in self.services[service].get("environment", {}).items()}
        data = self.path("witness" if service == "witness" else "data")
        replace = {
            "HOLDSTILL_DATABASE_URL": lambda value: value.replace("@postgres:", f"@{self.hosts['postgres']}:"),
            "HOLDSTILL_S3_ENDPOINT": lambda value: value.replace("http://seaweedfs:8333", self.s3_url),
            "HOLDSTILL_HOST": lambda value: value.replace("0.0.0.0", self.hosts.get(service, "")),
            "HOLDSTILL_DATA_DIR": lambda value: value.replace("/data", str(data)),
            "HOLDSTILL_WITNESS_DIR": lambda value: value.replace("/data", str(data)),
        }
        return {name: replace.get(name, str)(value) for name, value in given.items()}

    def weed_command(self) -> list[str]:
        """SeaweedFS's own command: addresses, ports and folders of this run, every other flag as the file has it."""
        service = self.services["seaweedfs"]
        swaps = {
            "-dir=/data": f"-dir={self.path('evidence')}",
            "-ip=127.0.0.1": f"-ip={self.inside}",
            "-ip.bind=127.0.0.1": f"-ip.bind={self.inside}",
            "-s3.ip.bind=0.0.0.0": f"-s3.ip.bind={self.hosts['seaweedfs']}",
            "-s3.port=8333": f"-s3.port={self.s3_port}",
            "-s3.config=/etc/seaweedfs/s3.json": f"-s3.config={self.path('weed') / 's3.json'}",
        }
        flags = [swaps.pop(flag, flag) for flag in service["command"]]
        assert not swaps, f"docker-compose.yml no longer says {sorted(swaps)}"
        ports = [f"-{name}.port={port}" for name, port in self.weed_ports.items()]
        return [*service["entrypoint"], *flags, *ports, f"-s3.localSocket={self.path('weed') / 's3.sock'}"]

    def write_configs(self) -> Path:
        """The `configs` of the file, where SeaweedFS looks for them; gives that folder, its working directory."""
        folder = self.path("weed")
        for source, name in (("s3-identities", "s3.json"), ("grpc-security", "security.toml")):
            text = self.file["configs"][source]["content"]
            (folder / name).write_text(text.replace("/tls/", f"{self.path('tls')}/"), "utf-8")
        return folder

    def run_once(self, service: str, env: Mapping[str, str]) -> str:
        """Runs a set-up service (`sh -c …`) to its end and gives what it printed. Raises: CalledProcessError."""
        script = self.services[service]["command"][0]
        script = script.replace("/tls/", f"{self.path('tls')}/")
        master = self.weed_ports["master"]
        script = script.replace("127.0.0.1:9333.19333", f"{self.inside}:{master}.{master + 10000}")
        done = subprocess.run(
            [*self.services[service]["entrypoint"], script],
            env=dict(env),
            cwd=self.path("weed"),
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise AssertionError(f"{shlex.join(['sh', '-c', script])}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr
