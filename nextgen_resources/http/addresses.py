"""Which addresses may be called: those of the open network, and this machine only where a test says so."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from nextgen_resources.errors import ProviderAddressError, ProviderUnavailableError


def check_url(
    url: str,
    who: str,
    *,
    hosts: Collection[str] | None = None,
    loopback_is_allowed: bool = False,
    names_are_resolved: bool = True,
) -> None:
    """Refuse a URL that is not HTTPS, names an unexpected host or leads to a private address.

    Parameters
    ----------
    hosts : collection of str, optional
        Domains of the provider; the host must be one of them or below one. None: any.
    loopback_is_allowed : bool
        Whether 127.0.0.1 may be called, also without TLS; for tests and local servers that a setting names.

    names_are_resolved : bool
        False where the connection is led elsewhere by a rule, so that the name's own address is not used.

    Raises
    ------
    ProviderAddressError
        What is wrong with it.
    ProviderUnavailableError
        The name cannot be resolved.

    Notes
    -----
    The name may resolve differently a moment later, so that :func:`check_peer` looks at the
    connection itself before a byte of its answer is used.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    if not host or parts.username or parts.password:
        raise ProviderAddressError(f"{who}: {parts.scheme}://{host} has no host or holds a password")
    is_local = loopback_is_allowed and _is_loopback_name(host)
    if parts.scheme not in ("https", "wss") and not (is_local and parts.scheme in ("http", "ws")):
        raise ProviderAddressError(
            f"{who}: leads to {parts.scheme}://{host}, which is not encrypted; refused"
        )
    if hosts is not None and not any(host == name or host.endswith(f".{name}") for name in hosts):
        raise ProviderAddressError(
            f"{who}: leads to {host}, which is not among {', '.join(sorted(hosts))}; refused"
        )
    for address in _addresses(host, who) if names_are_resolved else ():
        check_peer(address, who, loopback_is_allowed=loopback_is_allowed)


def check_peer(address: str, who: str, *, loopback_is_allowed: bool = False) -> None:
    """Refuse an address that is private, local, reserved or multicast.

    Raises
    ------
    ProviderAddressError
        Nothing may be read from it.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    if loopback_is_allowed and ip.is_loopback:
        return
    if not ip.is_global or ip.is_multicast:
        raise ProviderAddressError(f"{who}: leads to the private address {ip}; refused, nothing was read")


def _is_loopback_name(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _addresses(host: str, who: str) -> list[str]:
    try:
        return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        raise ProviderUnavailableError(
            f"{who}: the name {host} cannot be resolved ({error}); check the network"
        ) from error
