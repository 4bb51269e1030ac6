"""The types of the fixtures that make things on demand; tests/conftest.py tells what each does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .caller import Caller
from .server import MediaServer
from .tcp_proxy import TcpProxy
from .udp_proxy import UdpProxy

Serve = Callable[..., Awaitable[MediaServer]]
Divert = Callable[..., UdpProxy]
LayLine = Callable[[MediaServer], Awaitable[TcpProxy]]
Invite = Callable[..., Awaitable[Caller]]
