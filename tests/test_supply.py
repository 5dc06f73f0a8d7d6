"""What the product is made of: the licence of every locked package, and what the image takes from the repository.

Not checked: licences of what a wheel carries inside (the libraries of opencv and numpy), and of the replay player, which stays a
program of its own under AGPL (docs/adr/0011-replay-on-a-host-of-its-own-for-each-capture.md).
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from tests.test_architecture import ROOT, tracked

PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU"),
    *("PSF-2.0", "Public-Domain", "Python-2.0", "Zlib"),
}
SAID_OTHERWISE = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "2-clause BSD License": "BSD-2-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Public Domain": "Public-Domain",
    "Python Software Foundation License": "PSF-2.0",
}
"""Names from before licence expressions, by what they mean."""
RUN_EXCEPTIONS = {
    "certifi": "MPL-2.0",  # a list of certificates, unchanged
    "psycopg": "LGPL-3.0-only",  # imported as it is, replaceable
    "psycopg-binary": "LGPL-3.0-only",
    "psycopg-pool": "LGPL-3.0-only",
}
"""The only packages of the service with a condition beyond naming them, and why that is met."""
TOOL_EXCEPTIONS = {
    "hypothesis": "MPL-2.0",
    "pathspec": "MPL-2.0",
    "surt": "GNU Affero General Public License v3",  # of `wacz`, a program that tests start
    "text-unidecode": "Artistic License",  # of `wacz`
}
"""Development tools: they run here and are handed to nobody."""
NODE_TOOL_EXCEPTIONS = {"MPL-2.0"}
SILENT = {"pyrage": "MIT"}
"""Packages whose metadata name no licence; their licence file does."""


def locked(name: str) -> Iterator[tuple[str, Distribution]]:
    """The installed packages of a lock file; one that only another system or Python needs may be missing."""
    for line in (ROOT / name).read_text("utf-8").splitlines():
        if (found := re.match(r"([a-z0-9._-]+)==", line)) is not None:
            try:
                yield found[1], distribution(found[1])
            except PackageNotFoundError:
                assert " ; " in line, f"{found[1]} is locked and not installed"


def licences(package: str, installed: Distribution) -> set[str]:
    """What the package says of its licence, one name for each that applies at once or by choice. Empty: nothing."""
    facts = installed.metadata
    if (expression := facts.get("License-Expression")) is not None:
        return set(re.split(r" (?:AND|OR) ", expression))
    classifiers = [one for one in facts.get_all("Classifier", []) if one.startswith("License :: ")]
    names = [one.split(" :: ")[-1] for one in classifiers if not one.endswith(("OSI Approved", "DFSG approved"))]
    if not names:
        names = re.split(r" (?:AND|OR) ", facts.get("License") or SILENT.get(package, ""))
    return {SAID_OTHERWISE.get(one, one) for one in names} - {""}


def test_every_package_of_the_service_has_a_permissive_licence_or_is_named() -> None:
    found = {package: licences(package, installed) for package, installed in locked("requirements-run.lock")}
    others = {package: said for package, said in found.items() if not said or not said <= PERMISSIVE}
    assert others == {package: {licence} for package, licence in RUN_EXCEPTIONS.items()}


def test_every_development_tool_has_a_permissive_licence_or_is_named() -> None:
    known = RUN_EXCEPTIONS | TOOL_EXCEPTIONS
    for package, installed in locked("requirements.lock"):
        said = licences(package, installed)
        assert said and (said <= PERMISSIVE or known.get(package) in said), f"{package}: {sorted(said)}"


def test_every_node_package_has_a_permissive_licence_or_only_builds_and_tests() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    for path, facts in packages.items():
        choices = set(re.split(r" OR ", facts["license"].strip("()")))
        allowed = PERMISSIVE | NODE_TOOL_EXCEPTIONS if facts.get("dev") else PERMISSIVE
        assert any(set(one.split(" AND ")) <= allowed for one in choices), f"{path}: {facts['license']}"


def test_the_image_copies_only_what_the_repository_has() -> None:
    """Each source of a COPY is a file or folder under version control that .dockerignore lets through."""
    names = {path.relative_to(ROOT).as_posix() for path in tracked()}
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    copies = re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    sources = {source.removeprefix("./") for copied in copies for source in copied.split()[:-1]}
    assert sources
    for source in sources:
        assert any(name == source or name.startswith(f"{source}/") for name in names), f"COPY {source}: not in the repository"
    assert sources == set(let_through)
