"""A running application, tried as one of its clients: which ways media has from here to there."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from simplesfu.cli.finding import Finding, Verdict
from simplesfu.cli.machine import is_private
from simplesfu.cli.sign_on import SignedOn, SignOnError, signed_on
from simplesfu.cli.ways import Probe, WayClosedError, WayRefusedError, try_tcp, try_turn, try_udp, turn_hint

Candidate = dict[str, Any]


async def check_running(url: str, path: str, auth: str) -> list[Finding]:
    try:
        async with signed_on(url, path, auth) as client:
            findings = [Finding("good", "signing on", f"{url} lets media clients in")]
            return findings + await _ways(client, urlsplit(url).hostname or "")
    except SignOnError as error:
        return [Finding("bad", "signing on", str(error), error.hint)]


async def _ways(client: SignedOn, host: str) -> list[Finding]:
    ice_servers = (await client.ask("getIceServers", {}))["iceServers"]
    offer = await client.ask("createProbe", {})
    try:
        ice = offer["iceParameters"]
        probe = Probe(ice["usernameFragment"], ice["password"])
        candidates: list[Candidate] = offer["iceCandidates"]
        turns = [(url, server) for server in ice_servers for url in _urls(server) if url.startswith("turn")]
        udp = [candidate for candidate in candidates if candidate["protocol"] == "udp"]
        found = await asyncio.gather(
            *(_direct("UDP", probe, candidate, try_udp) for candidate in udp),
            *(_direct("TCP", probe, candidate, try_tcp) for candidate in candidates if candidate["protocol"] == "tcp"),
            *(_relayed(url, server, probe, udp) for url, server in turns),
        )
    finally:
        await client.ask("closeProbe", {"transportId": offer["id"]})
    return [*found, *_remarks(found, candidates, host, bool(turns))]


async def _direct(
    protocol: str, probe: Probe, candidate: Candidate, attempt: Callable[[Probe, str, int], Awaitable[float]]
) -> Finding:
    address, port = candidate["address"], candidate["port"]
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    try:
        rtt_ms = await attempt(probe, address, port)
    except WayClosedError as error:
        return Finding("note", protocol, f"{where}: {error}",
                       f"open {protocol} port {port} at the server's firewall inwards, and from here outwards")
    return Finding("good", protocol, f"{where} answers ({rtt_ms:.1f} ms)")


async def _relayed(url: str, server: dict[str, Any], probe: Probe, udp: list[Candidate]) -> Finding:
    targets = [(probe, one["address"], one["port"]) for one in udp if ":" not in one["address"]]
    try:
        rtt_ms = await try_turn(url, server["username"], server["credential"], targets)
    except WayClosedError as error:
        verdict: Verdict = "bad" if isinstance(error, WayRefusedError) else "note"
        return Finding(verdict, "TURN", f"{url}: {error}", turn_hint(error))
    reached = "gives an allocation" if rtt_ms is None else f"reaches the server ({rtt_ms:.1f} ms)"
    return Finding("good", "TURN", f"{url} {reached}")


def _remarks(found: list[Finding], candidates: list[Candidate], host: str, has_turn: bool) -> list[Finding]:
    works = {finding.subject for finding in found if finding.verdict == "good"}
    remarks = []
    hidden = [candidate["address"] for candidate in candidates if is_private(candidate["address"])]
    if hidden and len(hidden) == len(candidates) and not _is_near(host):
        remarks.append(Finding("bad", "announced", f"a public server tells clients {hidden[0]}, a private address",
                               "announce=… the public one"))
    if not any(candidate["protocol"] == "tcp" for candidate in candidates):
        remarks.append(Finding("note", "TCP", "the server takes no media over TCP", "MediaManager(sio, tcp=True)"))
    if not has_turn:
        remarks.append(Finding("note", "TURN", "clients are told of no TURN server",
                               "only needed by networks that let nothing out but web pages: turn_urls, turn_secret"))
    if not works:
        remarks.append(Finding("bad", "calls", "no way for media is open from here: calls do not work"))
    elif "UDP" not in works:
        remarks.append(Finding("note", "calls", f"calls work from here, over {' and '.join(sorted(works))} only"))
    else:
        remarks.append(Finding("good", "calls", "calls work from here, over UDP: the best way there is"))
    return remarks


def _is_near(host: str) -> bool:
    """The page is of this machine or this network, and so media may be too."""
    try:
        return is_private(host)
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith(".local")


def _urls(server: dict[str, Any]) -> list[str]:
    urls = server["urls"]
    return [urls] if isinstance(urls, str) else list(urls)
