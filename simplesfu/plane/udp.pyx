# cython: language_level=3
"""Addresses to and from Python."""
import socket
from typing import NamedTuple


class TcpAddress(NamedTuple):
    host: str
    port: int
    connection: int


cdef int parse_address(Address *address, object python_address) except -1:
    """From (host, port) with an IP literal, or a TcpAddress; ValueError for anything else."""
    host, port = python_address[0], python_address[1]
    if not 0 < port < 65536:
        raise ValueError(f"port {port} is not in 1..65535")
    is_v6 = ":" in host
    try:
        packed = socket.inet_pton(socket.AF_INET6 if is_v6 else socket.AF_INET, host)
    except OSError:
        raise ValueError(f"{host!r} is not an IP address") from None
    address_set(address, is_v6, packed, port)
    if isinstance(python_address, TcpAddress):
        address.connection = python_address.connection
    return 0


cdef object python_address(const Address *address):
    cdef uint8_t ip[16]
    cdef int port
    cdef int length = address_get(address, ip, &port)
    packed = ip[:length]
    host = socket.inet_ntop(socket.AF_INET6 if length == 16 else socket.AF_INET, packed)
    return TcpAddress(host, port, address.connection) if address.connection else (host, port)
