"""The services of docker-compose.yml as processes, by the file's own commands and settings: a capture goes through them."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.e2e.journey import policy_text
from tests.e2e.processes import Process, answers, clean_environment, free_port, service_folder
from tests.live.compose import Topology, variables_for_trial
from tests.live.device import HttpDevice, until
from tests.live.postgres import TcpPostgres

pytestmark = [pytest.mark.live, pytest.mark.postgres, pytest.mark.seaweedfs]
BIN = Path(sys.executable).parent
ORIGIN, WITNESS = "trial.holdstill.local/log", "witness.trial.local"
# A busy machine is not what is tested here: a witness that is asked too late is left out, and then no bundle can be made.
PATIENT = {"HOLDSTILL_WITNESS_TIMEOUT_S": "60", "HOLDSTILL_WITNESS_PAUSE_S": "1", "HOLDSTILL_TSA_TIMEOUT_S": "60"}


class Running:
    """The started topology."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tsa_port = free_port()
        self.tsa_root = folder / "tsa" / "root.pem"
        self.topology = Topology(
            folder, variables_for_trial(HOLDSTILL_PUBLIC_URL="https://trial.example", HOLDSTILL_ORIGIN=ORIGIN)
        )
        hosts = self.topology.hosts
        self.witness_vkey = folder / "witness" / "witness.vkey"
        tsa = {"name": "demo", "url": f"http://127.0.0.1:{tsa_port}/", "roots_file": str(self.tsa_root)}
        witness = {"name": WITNESS, "url": f"http://{hosts['witness']}:8444/", "vkey_file": str(self.witness_vkey)}
        log = {"origin": ORIGIN, "vkey_file": str(folder / "data" / "keys" / "log.vkey")}
        self.topology = self.topology.with_variables(
            HOLDSTILL_TSAS=json.dumps([tsa]),
            HOLDSTILL_WITNESSES=json.dumps([witness]),
            HOLDSTILL_WITNESS_QUORUM="1",
            HOLDSTILL_STAMP_INTERVAL_S="2",
            HOLDSTILL_WITNESS_NAME=WITNESS,
            HOLDSTILL_WITNESSED_LOGS=json.dumps([log]),
        )
        self.url = f"http://{hosts['serve']}:8443"
        self.processes: list[Process] = []
        self.postgres: TcpPostgres | None = None
        command = [sys.executable, "-m", "tests.tsa", "--dir", self.tsa_root.parent, "--port", str(tsa_port)]
        self._run("tsa", command, clean_environment()).wait_until(self.tsa_root.exists)

    def start(self) -> "Running":
        place = self.topology
        self.postgres = TcpPostgres(self.folder / "postgres", place.hosts["postgres"], place.environment("postgres"))
        weed_env = clean_environment() | {"PATH": f"{BIN}:/usr/bin:/bin", "GOMEMLIMIT": "300MiB"} | place.environment("seaweedfs")
        place.run_once("s3-tls", weed_env)
        command = place.weed_command()
        weed = Process("seaweedfs", [BIN / command[0], *command[1:]], folder=self.folder, env=weed_env, cwd=place.write_configs())
        self.processes.append(weed)
        weed.wait_until(answers(f"{place.s3_url}/healthz"))
        place.run_once("s3-setup", weed_env)
        self._holdstill("witness").wait_until(self.witness_vkey.exists)
        self._holdstill("serve").wait_until(answers(f"{self.url}/readyz"), timeout_s=240)
        self._holdstill("worker")
        return self

    def _holdstill(self, service: str) -> Process:
        command = self.topology.services[service]["command"]
        return self._run(
            service, [BIN / "holdstill", *command], clean_environment() | self.topology.environment(service) | PATIENT
        )

    def _run(self, name: str, command: list[str | Path], env: dict[str, str]) -> Process:
        process = Process(name, command, folder=self.folder, env=env)
        self.processes.append(process)
        return process

    def cli(self, *arguments: str | Path, expect: int = 0) -> str:
        env = clean_environment() | self.topology.environment("serve") | PATIENT
        command = [str(BIN / "holdstill"), *map(str, arguments)]
        done = subprocess.run(
            command, env=env, cwd=self.folder, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
        )
        assert done.returncode == expect, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.tails()}"
        return done.stdout

    def tails(self) -> str:
        """The end of every log, for people."""
        return "\n".join(process.tail() for process in self.processes)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill() if process.name == "seaweedfs" else process.stop()  # its data is thrown away
        if self.postgres is not None:
            self.postgres.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with service_folder("live") as folder:
        started = Running(folder)
        try:
            yield started.start()
        finally:
            started.stop()


def is_open(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def test_only_s3_of_the_storage_can_be_reached(running: Running) -> None:
    place = running.topology
    outside = place.hosts["seaweedfs"]
    assert is_open(outside, place.s3_port)
    for port in place.weed_ports.values():
        assert is_open(place.inside, port)
        assert not is_open(outside, port) and not is_open(outside, port + 10000)


def test_the_s3_control_port_lets_nobody_in(running: Running) -> None:
    """It is open on the S3 address and could make identities: without a certificate of its own authority the handshake ends."""
    place = running.topology
    address = f"{place.hosts['seaweedfs']}:{place.s3_port + 10000}"
    command = ["openssl", "s_client", "-connect", address, "-alpn", "h2", "-ign_eof"]  # until the other side ends it
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert "certificate required" in done.stdout + done.stderr


def test_the_services_identity_cannot_delete_or_unlock(running: Running) -> None:
    settings = running.topology.environment("serve")
    client = boto3.client(
        "s3",
        endpoint_url=settings["HOLDSTILL_S3_ENDPOINT"],
        aws_access_key_id=settings["HOLDSTILL_S3_ACCESS_KEY"],
        aws_secret_access_key=settings["HOLDSTILL_S3_SECRET_KEY"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    bucket = settings["HOLDSTILL_S3_BUCKET"]
    version = client.put_object(Bucket=bucket, Key="trial", Body=b"kept", ChecksumAlgorithm="SHA256")["VersionId"]
    refused = [
        lambda: client.delete_object(Bucket=bucket, Key="trial"),
        lambda: client.delete_object(Bucket=bucket, Key="trial", VersionId=version),
        lambda: client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
        lambda: client.delete_bucket(Bucket=bucket),
        lambda: client.create_bucket(Bucket="another"),
    ]
    for attempt in refused:
        with pytest.raises(ClientError) as caught:
            attempt()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert client.get_object(Bucket=bucket, Key="trial")["Body"].read() == b"kept"
    assert client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def test_a_capture_goes_through_every_service_and_verifies(running: Running, tmp_path: Path) -> None:
    """Sent over HTTP to `serve`, kept in S3 under Object Lock, stamped by `worker`, cosigned, exported, verified."""
    code = json.loads(running.cli("pair", "--json"))["pairing_code"]
    device = HttpDevice(running.url, code)
    until(lambda: device.challenge()["stamped"], logs=running.tails)
    capture_id = device.capture()
    until(lambda: device.read(capture_id)["bracket"]["not_after"], logs=running.tails)
    bundle = tmp_path / "evidence.zip"
    running.cli("export", "bundle", "--capture", capture_id, "-o", bundle)
    policy = tmp_path / "policy.toml"
    policy.write_text(policy_text(device.pinned, running.witness_vkey.read_text().strip(), running.tsa_root.read_text()), "utf-8")
    report = json.loads(running.cli("verify", bundle, "--policy", policy, "--json"))
    assert report["verdict"] == "VALID", report
    running.cli("log", "check")
    device.close()


def test_the_witness_refuses_nothing_and_has_cosigned_the_newest_checkpoint(running: Running) -> None:
    until(lambda: f"— {WITNESS} " in httpx2.get(f"{running.url}/log/checkpoint", timeout=60).text, logs=running.tails)
