"""Which test runs each command of README.md, and the words in it that show so. test_architecture.py holds the two together."""

RUN_BY: dict[str, tuple[str, str]] = {
    "make demo": ("tests/e2e/test_demo.py", '"demo"'),
    "make test": (".ci/run", "make test"),
    "make run": ("tests/e2e/test_readme.py", '"make", "run"'),
    "make verifier": ("tests/e2e/test_readme.py", '"make", "verifier"'),
    ".venv/bin/holdstill pair": ("tests/e2e/stack.py", '"pair"'),
    ".venv/bin/holdstill export bundle --capture ID -o evidence.zip": ("tests/e2e/stack.py", '"export", "bundle", "--capture"'),
    ".venv/bin/holdstill admin policy": ("tests/e2e/stack.py", '"admin", "policy"'),
    ".venv/bin/holdstill log check": ("tests/e2e/stack.py", '"log", "check"'),
    ".venv/bin/holdstill verify evidence.zip --policy policy.toml": ("tests/e2e/stack.py", '"verify"'),
    "python3 dist/holdstill-verify.pyz evidence.zip --policy policy.toml": ("tests/e2e/test_readme.py", "holdstill-verify.pyz"),
}
