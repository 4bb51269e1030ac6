"""Announced names, followed: one may come to stand for another address while the server runs (dynamic DNS)."""
from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

from simplesfu.errors import ConfigError
from simplesfu.types import IceCandidate
from simplesfu.unpatched import make_thread

NAME_CHECK_S: Final = 30.0

Candidates: TypeAlias = list[IceCandidate]

logger = logging.getLogger(__name__)


def has_names(hosts: Sequence[str]) -> bool:
    return any(not _is_address(host) for host in hosts)


async def follow_names(
    find: Callable[[], Candidates], changed: Callable[[Candidates], None], known: Candidates
) -> None:
    """Call `changed` with what `find` gives whenever that is something else. Until it is cancelled.

    `find` may take its time, as name servers do: it has a thread to itself. While it fails nothing changes.
    """
    failed = False
    while True:
        await asyncio.sleep(NAME_CHECK_S)
        try:
            found = await _in_thread(find)
        except (ConfigError, OSError) as error:
            if not failed:
                logger.warning("%s; clients are told the addresses that were found before", error)
            failed = True
            continue
        failed = False
        if {*found} != {*known}:  # name servers rotate the addresses of one name
            known = found
            addresses = dict.fromkeys(candidate.address for candidate in found)
            logger.info("the announced names have other addresses now: %s", ", ".join(addresses))
            changed(found)


async def _in_thread(find: Callable[[], Candidates]) -> Candidates:
    # asyncio.to_thread's pool would wait at the end of the program, for as long as a name server is silent.
    answer: asyncio.Future[Candidates] = asyncio.get_running_loop().create_future()
    make_thread(partial(_find, find, answer), "simplesfu-names", daemon=True).start()
    return await answer


def _find(find: Callable[[], Candidates], answer: asyncio.Future[Candidates]) -> None:
    settle: Callable[[], None]
    try:
        settle = partial(answer.set_result, find())
    except Exception as error:
        settle = partial(answer.set_exception, error)
    with suppress(RuntimeError):  # the loop has ended meanwhile
        answer.get_loop().call_soon_threadsafe(lambda: None if answer.done() else settle())


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
