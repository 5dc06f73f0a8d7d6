"""`holdstill verify` and the zipapp: opens a bundle, verifies it against a policy file, prints the report. Needs no service.

Imports storage and server.trust only; on the target the zipapp needs `cryptography` and `rfc3161-client`, nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from server.trust.bundle import PageArchive
from server.trust.errors import VerificationError
from server.trust.policy import MAX_POLICY_BYTES, Policy, parse_policy
from server.trust.report import Findings, Report
from server.trust.verify import verify_bundle
from storage.bundle import BagReader, open_bag
from storage.errors import BadContainer, StorageError
from storage.wacz import inspect_wacz

THREADS = 2


class OpenBag:
    """A storage bag as server.trust sees it: the same bytes, its errors as VerificationError."""

    def __init__(self, bag: BagReader) -> None:
        self._bag = bag

    def names(self) -> Sequence[str]:
        """Every file, sorted."""
        return self._bag.names()

    def size(self, name: str) -> int:
        """Bytes of a file."""
        with _as_finding(name):
            return self._bag.size(name)

    def read(self, name: str, limit_bytes: int) -> bytes:
        """A whole file of at most `limit_bytes`."""
        with _as_finding(name):
            return self._bag.read(name, limit_bytes)

    def open(self, name: str) -> BinaryIO:
        """A file as a seekable stream."""
        with _as_finding(name):
            return self._bag.open(name)

    def digests(self) -> Mapping[str, str | VerificationError]:
        """SHA-256 of every file or why it cannot be read; the largest first, on two threads (hashing releases the GIL)."""
        names = sorted(self._bag.names(), key=self._bag.size, reverse=True)
        with ThreadPoolExecutor(THREADS if self._bag.parallel else 1, thread_name_prefix="verify") as pool:
            return dict(zip(names, pool.map(self._digest, names), strict=True))

    def _digest(self, name: str) -> str | VerificationError:
        try:
            with _as_finding(name):
                return self._bag.sha256(name)
        except VerificationError as error:
            return error


def read_archive(stream: BinaryIO) -> PageArchive:
    """What is in a WACZ, with every digest recomputed. Raises: VerificationError when it is broken, hostile or too large."""
    try:
        facts = inspect_wacz(stream)
    except StorageError as error:
        raise VerificationError(str(error)) from error
    verdicts = [(resource.path, resource.outcome, resource.reason) for resource in facts.resource_verdicts]
    verdicts += [(f"{r.type} {r.target_uri or r.record_id}", r.outcome, r.reason) for r in facts.record_verdicts]
    faults = [(where, reason) for where, outcome, reason in verdicts if outcome == "FAILED"]
    faults += [(path, "not declared in datapackage.json") for path in facts.undeclared]
    faults += [(path, "declared, but missing") for path in facts.missing if (path, "missing") not in faults]
    return PageArchive(
        datapackage_sha256=facts.datapackage_sha256,
        digest_hash=facts.digest_hash,
        signed_hash=facts.signed_hash,
        public_key=facts.public_key,
        signature=facts.signature,
        faults=tuple(faults),
        unchecked=tuple((where, reason) for where, outcome, reason in verdicts if outcome == "NOT_CHECKED"),
    )


def read_policy(path: Path) -> Policy:
    """The policy in a file. Raises: VerificationError, also when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_POLICY_BYTES + 1)
        return parse_policy(data.decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise VerificationError(f"the policy cannot be read: {error}") from error


def verify_file(path: Path, policy: Policy | None) -> Report:
    """The report on a bundle file. A file that cannot be opened safely is a report with step 1 failed."""
    try:
        with open_bag(path) as bag:
            return verify_bundle(OpenBag(bag), policy, read_archive)
    except BadContainer as error:
        return _refused(error.where or path.name, error.detail)
    except (StorageError, OSError) as error:
        return _refused(path.name, str(error))


def run_verify(path: Path, policy_path: Path | None, *, json_output: bool = False) -> int:
    """Prints the report on the bundle at `path`. Gives the exit code: 0 valid, 1 invalid, 2 incomplete (or nothing to read)."""
    try:
        policy = None if policy_path is None else read_policy(policy_path)
    except VerificationError as error:
        print(f"{policy_path}: {error.reason}", file=sys.stderr)
        return 2
    if not path.is_file():
        print(f"{path}: no such file", file=sys.stderr)
        return 2
    report = verify_file(path, policy)
    _write(json.dumps(report.to_json(), indent=2) + "\n" if json_output else report.to_text())
    return report.exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of the zipapp."""
    parser = argparse.ArgumentParser(
        prog="holdstill-verify",
        description="Verifies a chain-of-custody bundle, offline. Ends with 0 (valid), 1 (invalid) or 2 (incomplete).",
    )
    parser.add_argument("bundle", type=Path, help="the bundle (zip)")
    parser.add_argument("--policy", type=Path, help="whom to trust: policy.toml, from another source than the bundle")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    return run_verify(options.bundle, options.policy, json_output=options.json)


def _write(text: str) -> None:
    """Prints, also where the terminal cannot show every character: a report must not end in an encoding error."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


@contextmanager
def _as_finding(name: str) -> Iterator[None]:
    try:
        yield
    except BadContainer as error:
        raise VerificationError(error.detail, path=error.where or name) from error
    except (StorageError, OSError) as error:
        raise VerificationError(str(error), path=name) from error


def _refused(where: str, reason: str) -> Report:
    findings = Findings()
    findings.failed(1, where, reason)
    for step in range(2, 10):
        findings.not_checked(step, None, "the bundle could not be opened")
    return Report(tuple(findings.checks))


if __name__ == "__main__":
    sys.exit(main())
