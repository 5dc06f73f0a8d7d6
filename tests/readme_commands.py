"""Which test runs each command that README.md gives, and the words in that test that show it. test_architecture.py holds the two together."""

RUN_BY: dict[str, tuple[str, str]] = {
    "make demo": ("tests/e2e/test_demo.py", '"demo"'),
    "make test": (".ci/run", "make test"),
    "make run": ("tests/e2e/test_readme.py", '"make", "run"'),
    "make verifier": ("tests/e2e/test_readme.py", '"make", "verifier"'),
    ".venv/bin/holdstill pair": ("tests/e2e/stack.py", '"pair"'),
    ".venv/bin/holdstill export bundle --capture ID -o evidence.zip": ("tests/e2e/stack.py", '"export", "bundle", "--capture"'),
    ".venv/bin/holdstill log check": ("tests/e2e/stack.py", '"log", "check"'),
    ".venv/bin/holdstill verify evidence.zip --policy policy.toml": ("tests/e2e/stack.py", '"verify"'),
    "python3 dist/holdstill-verify.pyz evidence.zip --policy policy.toml": ("tests/e2e/test_readme.py", "holdstill-verify.pyz"),
}
