"""Free TCP ports on the loopback interface."""

from __future__ import annotations

import random
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"

# Below the range systems hand out to outgoing connections (32768 and up on Linux): a server that is stopped
# and started again must not find its port taken by a client, nor a client connect to itself meanwhile.
_LOWEST: Final = 15_000
_HIGHEST: Final = 32_000
_given: set[int] = set()


def free_port() -> int:
    """One port nobody listens on; never the same twice in a process."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """That many different ports nobody listens on.

    Raises:
        OSError: no free port was found.
    """
    found: list[int] = []
    candidates = range(_LOWEST, _HIGHEST)
    for port in random.sample(candidates, len(candidates)):
        if len(found) == count:
            return found
        if port not in _given and _is_free(port):
            _given.add(port)
            found.append(port)
    raise OSError(f"No {count} free ports between {_LOWEST} and {_HIGHEST}")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def listening(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
