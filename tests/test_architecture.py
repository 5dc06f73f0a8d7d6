"""The house rules that a machine can hold: floors, sizes, what the wheel holds, what the repository must not say."""

import ast
import email.policy
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests import readme_commands

ROOT = Path(__file__).resolve().parent.parent
MODULE_LINES = 300
FUNCTION_LINES = 50
PARAMETERS = 5
CODE = (".py", ".js", ".mjs")
LOCKS = (
    "requirements.lock",
    "requirements-run.lock",
    "tests/e2e/pywb.lock",
    *(f"tests/validators/{path.name}" for path in sorted((ROOT / "tests" / "validators").glob("*.lock"))),
)


def tracked(*suffixes: str) -> list[Path]:
    """Every file of the repository that exists here, optionally only those with one of the suffixes."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]


def text_of(path: Path) -> str | None:
    """The file as text, or None when it is not text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


def within(path: Path, *folders: str) -> bool:
    return path.relative_to(ROOT).parts[0] in folders


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_each_floor_imports_downward_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_server_module_stands_on_a_floor() -> None:
    """A new folder or module that no contract names would be free to import anything."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = set(re.findall(r"server\.(\w+)", " ".join(layers)))
    found = {path.stem for path in (ROOT / "server").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found - {"__init__"} <= named, f"no floor: {sorted(found - {'__init__'} - named)}"


def test_trust_reads_no_clock_and_opens_no_file() -> None:
    forbidden = re.compile(r"(?<!def )(?<![\w.])open\(|\.now\(|\.utcnow\(|\.today\(|\bprint\(")
    for path in sorted((ROOT / "server" / "trust").rglob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert not forbidden.search(line), f"{relative(path)}:{number}: {line.strip()}"


def test_a_module_can_be_held_in_the_head() -> None:
    too_long = {}
    for path in tracked(*CODE):
        if within(path, "migrations"):
            continue
        lines = len(path.read_text("utf-8").splitlines())
        if lines > MODULE_LINES:
            too_long[relative(path)] = lines
    assert not too_long


def test_a_function_fits_on_a_screen() -> None:
    """At most 50 lines and 5 parameters, self and cls not counted (routes and commands have the wire's)."""
    wrong = []
    for path in tracked(".py"):
        if not within(path, "server", "storage"):
            continue
        outward = "web" in path.parts or "cli" in path.parts
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            named = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            parameters = len([name for name in named if name not in ("self", "cls")])
            if lines > FUNCTION_LINES or (parameters > PARAMETERS and not outward):
                wrong.append(f"{relative(path)}:{node.lineno} {node.name}: {lines} lines, {parameters} parameters")
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    source = out / "source"
    for path in tracked():
        if within(path, "server", "storage", "migrations", "pyproject.toml", "README.md", "LICENSE"):
            target = source / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_server_and_storage_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        facts = Parser(policy=email.policy.compat32).parsestr(packed.read(metadata).decode())
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"server", "storage"}
    assert "Private :: Do Not Upload" in facts.get_all("Classifier", [])
    assert facts["Name"] == "holdstill"


def test_the_wheel_holds_what_the_service_reads_at_run_time(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed_names = set(packed.namelist())
    needed = {relative(path) for path in tracked() if within(path, "server", "storage")}
    needed |= {f"server/{relative(path)}" for path in tracked() if within(path, "migrations")}
    assert needed <= packed_names, sorted(needed - packed_names)


def test_nothing_that_the_product_reads_is_left_out_of_the_repository() -> None:
    """A pattern of .gitignore that fits too much loses files without a word: the tests pass here and nowhere else."""
    command = ["git", "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", "server", "storage", "migrations"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    made = ("__pycache__/", "server/web/player/")
    lost = [name for name in listed.split("\0") if name and not any(part in name for part in made)]
    assert not lost, lost


def test_no_file_names_a_machine_or_a_registry() -> None:
    """Paths of one machine and hosts of package registries; written here in two halves so that this file does not name them."""
    words = [
        "/wo" + "rk/",
        "/ro" + "ot/",
        "/op" + "t/",
        "pythonhos" + "ted",
        "registry.np" + "mjs",
        "py" + "pi.org",
        "deb.deb" + "ian",
    ]
    pattern = re.compile("|".join(map(re.escape, words)) + r"|/ho" + r"me/\w")
    found = []
    for path in tracked():
        text = text_of(path)
        for number, line in enumerate((text or "").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{relative(path)}:{number}: {line.strip()[:120]}")
    assert not found, "\n".join(found)


def test_the_locks_name_no_address() -> None:
    for name in LOCKS:
        assert not re.search(r"https?://|file:|--index|--find-links", (ROOT / name).read_text()), name
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert [name for name, facts in packages.items() if "resolved" in facts] == []
    assert all("integrity" in facts for name, facts in packages.items() if name and not facts.get("link"))


def test_every_locked_package_is_pinned_by_hash() -> None:
    for name in LOCKS:
        for block in re.split(r"\n(?=[A-Za-z0-9])", (ROOT / name).read_text())[1:]:
            assert re.match(r"[a-z0-9._-]+==\S+ .*--hash=sha256:", block, re.DOTALL), block[:80]


def test_the_run_lock_is_the_development_lock_without_the_tools() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements-run.lock") < pins("requirements.lock")
    assert not any(pin.startswith(("pytest", "playwright", "seaweedfs")) for pin in pins("requirements-run.lock"))


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    pattern = re.compile(
        r"pytest\.(skip|importorskip|xfail)|mark\.(skip|xfail)|unittest\.skip|\b(test|it|describe)\.(skip|todo)\("
    )
    for path in tracked(*CODE):
        if within(path, "tests") and path != Path(__file__):
            match = pattern.search(path.read_text("utf-8"))
            assert match is None, f"{relative(path)}: {match and match.group()}"


def test_continuous_integration_runs_what_a_person_runs() -> None:
    lines = [line.strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "exec make test </dev/null"]


def test_every_command_of_the_readme_is_run_by_a_test() -> None:
    """Each line of a shell block in README.md stands in the table with the test that runs it; nothing else does."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    said = {line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()}
    assert said == set(readme_commands.RUN_BY)
    for command, (where, proof) in readme_commands.RUN_BY.items():
        assert proof in (ROOT / where).read_text("utf-8"), f"{where} does not run: {command}"


def test_decisions_are_numbered_once_and_have_the_three_parts() -> None:
    records = sorted(path for path in (ROOT / "docs" / "adr").glob("*.md") if path.name != "README.md")
    index = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    numbers = [path.name[:4] for path in records]
    assert len(set(numbers)) == len(numbers) and all(number.isdigit() for number in numbers)
    for path in records:
        text = path.read_text("utf-8")
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences")), path.name
        assert f"]({path.name})" in index, f"{path.name} is not in the index"


def test_links_between_documents_lead_somewhere() -> None:
    for path in tracked(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (path.parent / target).exists(), f"{relative(path)} → {target}"
