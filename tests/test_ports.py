"""The ports that tests start their programs on."""

import pytest

from tests.e2e.processes import GRPC_OFFSET, PORTS, NotReady, free_port


def test_no_port_is_given_out_that_belongs_to_another_one() -> None:
    assert not set(PORTS) & {port + GRPC_OFFSET for port in PORTS}
    assert max(PORTS) + GRPC_OFFSET < 32_768


def test_an_address_that_is_not_the_machines_is_said_and_not_tried_for_ever() -> None:
    with pytest.raises(NotReady, match=r"no port of 192\.0\.2\.1"):
        free_port("192.0.2.1")
