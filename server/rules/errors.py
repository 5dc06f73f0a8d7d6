"""The one error of this floor."""


class RuleError(ValueError):
    """A rule file, a date or an identifier cannot be read as what it should be. `reason` is one sentence."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
