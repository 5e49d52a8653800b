"""Rules for a FelixConfiguration that travels whole.

One table says which texts, numbers and lists a field may hold.  `bpfExportBufferSizeMB` is not
checked: the original's rule for it is meant for a list, and ends the process.
"""

import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from typha.model import durations
from typha.model.resources import JsonObject
from typha.validation import primitives

Check = Callable[[Any], bool]
_ANY_NUMBER: Final = 1 << 63


def _one_of(*texts: str) -> Check:
    return frozenset(texts).__contains__


def _matches(pattern: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _each(check: Check) -> Check:
    return lambda values: all(map(check, values))


def _between(low: int, high: int = _ANY_NUMBER) -> Check:
    return lambda number: low <= number <= high


def _is_key_values(text: str) -> bool:
    return all(not item or _KEY_VALUE.match(item) for item in text.strip().split(","))


def _is_range_of_tables(value: Mapping[str, int]) -> bool:
    return 1 <= value["min"] <= value["max"] <= _LAST_TABLE_OF_ONE


def _are_ranges_of_tables(values: list[Mapping[str, int]]) -> bool:
    if not all(1 <= each["min"] <= each["max"] <= _LAST_TABLE for each in values):
        return False
    return sum(each["max"] - each["min"] + 1 for each in values) <= _MOST_TABLES


def _are_node_ports(values: list[int | str]) -> bool:
    return len(values) <= _MOST_NODE_PORT_RANGES and all(map(_is_numeric_port, values))


def _is_numeric_port(port: int | str) -> bool:
    return (isinstance(port, int) or ":" in port) and _is_port(port)


def _is_port(port: int | str) -> bool:
    return port != 0 and not str(port).startswith("0:")


def _is_health_timeout(value: Mapping[str, str]) -> bool:
    is_named = _HEALTH_NAME.fullmatch(value["name"]) is not None
    return is_named and durations.parse(value["timeout"]) >= 0


_KEY_VALUE: Final = re.compile(r"\s*\w+=", re.ASCII)
_HEALTH_NAME: Final = re.compile("[a-zA-Z0-9_ -]+")
_LAST_TABLE_OF_ONE: Final = 250
_LAST_TABLE: Final = 0xFFFFFFFF
_MOST_TABLES: Final = 0xFFFF
_MOST_NODE_PORT_RANGES: Final = 7  # fills the fifteen ports of one iptables match

_log_level: Final = _one_of("Trace", "Debug", "Info", "Warning", "Error", "Fatal")
_accept_return: Final = _one_of("Accept", "Return")
_drop_reject: Final = _one_of("Drop", "Reject")
_enabled: Final = _one_of("Enabled", "Disabled")
_interface: Final = _matches(r"\*|[a-zA-Z0-9_.-]{1,15}")
_interface_filter: Final = _matches("[a-zA-Z0-9:._+-]{1,15}")
_priority: Final = _between(1, 2147483646)

CHECKS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("featureDetectOverride", "featureGates"), _is_key_values),
    "iptablesBackend": _one_of("Auto", "NFT", "Legacy", ""),
    "defaultEndpointToHostAction": _one_of("Drop", "Accept", "Return"),
    "iptablesFilterAllowAction": _accept_return,
    "iptablesMangleAllowAction": _accept_return,
    "nftablesFilterAllowAction": _accept_return,
    "nftablesMangleAllowAction": _accept_return,
    "iptablesFilterDenyAction": _drop_reject,
    "nftablesFilterDenyAction": _drop_reject,
    **dict.fromkeys(("logSeverityFile", "logSeverityScreen", "logSeveritySys"), _log_level),
    "logDebugFilenameRegex": primitives.is_regexp,
    "bpfDataIfacePattern": primitives.is_regexp,
    "bpfL3IfacePattern": primitives.is_regexp,
    "bpfDisableGROForIfaces": primitives.is_regexp,
    "mtuIfacePattern": primitives.is_regexp,
    "routeSource": primitives.is_regexp,
    "prometheusMetricsHost": _matches("[a-zA-Z0-9:._+-]{1,64}"),
    "prometheusMetricsClientAuth": _one_of(
        "RequireAndVerifyClientCert",
        "RequireAnyClientCert",
        "VerifyClientCertIfGiven",
        "NoClientCert",
    ),
    "natOutgoingExclusions": _one_of("IPPoolsOnly", "IPPoolsAndHostIPs"),
    **dict.fromkeys(("debugPort", "bpfKubeProxyHealthzPort"), _between(0, 65535)),
    "iptablesNATOutgoingInterfaceFilter": _interface_filter,
    "bpfJITHardening": _one_of("Auto", "Strict"),
    "bpfLogLevel": _one_of("Debug", "Info", "Off", ""),  # always there, even when empty
    "bpfConntrackLogLevel": _one_of("Off", "Debug"),
    "bpfConntrackMode": _one_of("Auto", "Userspace", "BPFProgram"),
    "bpfLogFilters": _each(_matches("[a-zA-Z0-9_.-]{1,15}")),
    "bpfConnectTimeLoadBalancing": _one_of("TCP", "Enabled", "Disabled"),
    **dict.fromkeys(("bpfHostNetworkedNATWithoutCTLB", "windowsManageFirewallRules"), _enabled),
    "bpfExternalServiceMode": _one_of("Tunnel", "DSR"),
    **dict.fromkeys(("bpfDSROptoutCIDRs", "bpfExcludeCIDRsFromNAT"), _each(primitives.is_cidr)),
    "bpfExtToServiceConnmark": _between(0, 0xFFFFFFFF),
    "bpfMapSizeConntrackCleanupQueue": _between(1),
    "bpfForceTrackPacketsFromIfaces": _each(_interface_filter),
    "bpfAttachType": _one_of("TC", "TCX"),
    "ipv4NormalRoutePriority": _priority,
    "ipv4ElevatedRoutePriority": _priority,
    "ipv6NormalRoutePriority": _priority,
    "ipv6ElevatedRoutePriority": _priority,
    **dict.fromkeys(("wireguardListeningPort", "wireguardListeningPortV6"), _between(1, 65535)),
    "wireguardRoutingRulePriority": _between(1, 32765),
    **dict.fromkeys(("wireguardInterfaceName", "wireguardInterfaceNameV6"), _interface),
    "awsSrcDstCheck": _one_of("DoNothing", "Enable", "Disable"),
    "serviceLoopPrevention": _one_of("Drop", "Reject", "Disabled"),
    "workloadSourceSpoofing": _one_of("Disabled", "Any"),
    **dict.fromkeys(("goGCThreshold", "goMemoryLimitMB", "goMaxProcs"), _between(-1)),
    "bpfMaglevMaxEndpointsPerService": _between(1, 3000),
    "bpfMaglevMaxServices": _between(1, 3000),
    "kubeNodePortRanges": _are_node_ports,
    **dict.fromkeys(("natPortRange", "bpfPSNATPorts"), _is_port),
    "externalNodesList": _each(lambda text: primitives.is_cidr(text, 4)),
    "openstackRegion": _matches("(?=.{1,46}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?"),
    "natOutgoingAddress": lambda text: primitives.is_ip(text, 4),
    "deviceRouteSourceAddress": lambda text: primitives.is_ip(text, 4),
    "deviceRouteSourceAddressIPv6": lambda text: primitives.is_ip(text, 6),
    "routeTableRange": _is_range_of_tables,
    "routeTableRanges": _are_ranges_of_tables,
    "healthTimeoutOverrides": _each(_is_health_timeout),
}


def reasons(value: JsonObject) -> Iterator[str]:
    """Give the reasons why a FelixConfiguration is unfit."""
    spec = value["spec"]
    for member, check in CHECKS.items():
        if member in spec and not check(spec[member]):
            yield f"spec.{member}: {reprlib.repr(spec[member])} is not among what is accepted"
    if "routeTableRange" in spec and "routeTableRanges" in spec:
        yield "spec.routeTableRange: must not be given together with routeTableRanges"
