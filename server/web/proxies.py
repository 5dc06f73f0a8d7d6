"""Whose word counts for a visitor's address: the proxies that were named by who runs the server, and nobody else."""

import ipaddress

from server.settings import Settings


def trusted_proxies(settings: Settings) -> list[str]:
    """The addresses and networks of FORWARDED_ALLOW_IPS, as uvicorn takes them; empty: everybody's address is the connection's.

    From the right, the first address in `X-Forwarded-For` that is none of these is the visitor's (uvicorn): what a visitor wrote
    into the header stands left of what the proxy adds. Not checked: that a proxy answers at any of them.
    Raises: ValueError for `*` and for whole address spaces, which would believe everybody, and for what is no address: a name, or
    a network with bits beyond its length, is trusted by nobody and would count all visitors as one.
    """
    found = []
    for part in filter(None, (part.strip() for part in settings.forwarded_allow_ips.split(","))):
        try:
            network = ipaddress.ip_network(part)
        except ValueError as error:
            raise ValueError(f"FORWARDED_ALLOW_IPS: {part[:80]!r} is no address, and no network such as 10.0.0.0/24") from error
        if network.prefixlen == 0:
            raise ValueError(f"FORWARDED_ALLOW_IPS: {part} is everybody: any visitor could write another's address")
        found.append(part)
    return found
