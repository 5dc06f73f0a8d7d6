"""What is drawn in a test: the same for the same code, so that a red run is about the change and never about chance.

Hypothesis draws its examples at random when somebody asks: `--hypothesis-profile=explore`, CONTRIBUTING.md has the whole command.
Ids that the process of the tests draws come in falling order. Rows of one instant are ordered by their ids: a test that counts on
the order in which they were made would pass every other time, and now never does.
"""

import secrets
import uuid
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

SAME, EXPLORE = "the same draws", "explore"
EXPLORED = 2_000
"""Examples of each test that does not say itself how many it takes."""

_drawn = count()


def falling_uuid4() -> uuid.UUID:
    """An id, version 4, below the four million that this process drew before it, of other first letters; 74 bits are random."""
    high = ((1 << 48) - 1 - (next(_drawn) << 26)) % (1 << 48)
    return uuid.UUID(int=high << 80 | secrets.randbits(80), version=4)


uuid.uuid4 = falling_uuid4  # here, because a model takes the function by its name when it is imported

_found_in_modules = providers._get_local_constants


class _LoadedConstants:
    """Constants of the code that Hypothesis mixes into its draws: none, unless it draws at random.

    It takes them out of the modules that happen to be loaded: a test alone would draw otherwise than in the whole run.
    """

    def __init__(self) -> None:
        self.is_same = True

    def __call__(self) -> Constants:
        if self.is_same != settings.default.derandomize:
            self.is_same = settings.default.derandomize
            providers.CONSTANTS_CACHE.cache.clear()  # it keeps what was drawn from the others
        return Constants() if self.is_same else _found_in_modules()


def choose_draws() -> None:
    """Both profiles; the first is loaded. An option of the command line is read later, and wins."""
    providers._get_local_constants = _LoadedConstants()
    # The first draw on a machine reads the tables of Unicode: slow is no finding. Hypothesis has another default where CI is set.
    default = settings.get_profile("default")
    any_machine = settings(default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile(SAME, any_machine, derandomize=True, database=None)
    settings.register_profile(EXPLORE, any_machine, max_examples=EXPLORED, print_blob=True)
    settings.load_profile(SAME)
