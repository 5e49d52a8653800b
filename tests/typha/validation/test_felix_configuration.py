"""Rules for a FelixConfiguration that travels whole."""

import pytest

from typha.model import felix_fields, typed
from typha.validation import felix_configuration, v3

FIT = {
    "featureGates": "a=1, b=,",
    "iptablesBackend": "NFT",
    "defaultEndpointToHostAction": "Return",
    "nftablesFilterAllowAction": "Accept",
    "iptablesFilterDenyAction": "Reject",
    "logSeveritySys": "Fatal",
    "mtuIfacePattern": "^(en|eth).*",
    "prometheusMetricsHost": "0.0.0.0",
    "debugPort": 0,
    "bpfLogFilters": {"eth0": "tcp"},
    "bpfExcludeCIDRsFromNAT": ["10.0.0.1/8", "fd00::1"],
    "bpfExportBufferSizeMB": 5,
    "bpfForceTrackPacketsFromIfaces": ["docker+"],
    "wireguardInterfaceName": "*",
    "goGCThreshold": -1,
    "kubeNodePortRanges": ["30000:32767", 80],
    "natPortRange": "named",
    "externalNodesList": ["10.0.0.0/24", "10.1.1.1"],
    "openstackRegion": "a" * 46,
    "natOutgoingAddress": "10.0.0.1",
    "deviceRouteSourceAddressIPv6": "fd00::1",
    "routeTableRanges": [{"min": 1, "max": 1}, {"min": 4294967295, "max": 4294967295}],
    "healthTimeoutOverrides": [{"name": "Calculation Graph_1-a", "timeout": "0s"}],
    "failsafeInboundHostPorts": [{"protocol": "whatever", "port": 1}],
}


def reason(spec):
    """Judge a configuration with this spec, typed as it is when it is read."""
    typed_spec = typed.retype(felix_fields.SPEC, spec, "spec")
    return v3.reason_unfit("felixconfigurations", {"metadata": {"name": "n"}, "spec": typed_spec})


def test_a_configuration_that_is_fit():
    """Whatever has no rule may hold anything; an empty log level is always there."""
    assert reason(FIT) is None
    assert reason({}) is None


def test_every_rule_is_for_a_field_there_is():
    """No rule looks for a member that cannot be."""
    assert {field.member for field in felix_fields.FIELDS}.issuperset(felix_configuration.CHECKS)


@pytest.mark.parametrize(
    ("member", "bad"),
    [
        ("featureDetectOverride", "a"),
        ("iptablesBackend", "nft"),
        ("defaultEndpointToHostAction", "Reject"),
        ("iptablesMangleAllowAction", "Drop"),
        ("nftablesFilterDenyAction", "Deny"),
        ("logSeverityScreen", "xx"),
        ("logDebugFilenameRegex", "("),
        ("routeSource", "["),
        ("prometheusMetricsHost", "a b"),
        ("prometheusMetricsClientAuth", ""),
        ("natOutgoingExclusions", "None"),
        ("debugPort", 65536),
        ("iptablesNATOutgoingInterfaceFilter", "bad name!"),
        ("bpfJITHardening", "x"),
        ("bpfLogLevel", "Trace"),
        ("bpfConntrackMode", "x"),
        ("bpfLogFilters", {"a/b": ""}),
        ("bpfConnectTimeLoadBalancing", "x"),
        ("windowsManageFirewallRules", "x"),
        ("bpfExternalServiceMode", "dsr"),
        ("bpfDSROptoutCIDRs", ["10.0.0.0/8", "x"]),
        ("bpfExtToServiceConnmark", 1 << 32),
        ("bpfMapSizeConntrackCleanupQueue", 0),
        ("bpfForceTrackPacketsFromIfaces", ["a b"]),
        ("bpfAttachType", "tc"),
        ("ipv6ElevatedRoutePriority", 0),
        ("wireguardListeningPort", 0),
        ("wireguardRoutingRulePriority", 32766),
        ("wireguardInterfaceNameV6", "x" * 16),
        ("awsSrcDstCheck", "Off"),
        ("serviceLoopPrevention", "x"),
        ("workloadSourceSpoofing", "x"),
        ("goMaxProcs", -2),
        ("bpfMaglevMaxServices", 3001),
        ("kubeNodePortRanges", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("kubeNodePortRanges", ["named"]),
        ("kubeNodePortRanges", ["0:5"]),
        ("natPortRange", 0),
        ("externalNodesList", ["fd00::/8"]),
        ("openstackRegion", "a" * 47),
        ("openstackRegion", "A"),
        ("natOutgoingAddress", "fd00::1"),
        ("deviceRouteSourceAddress", "elm"),
        ("deviceRouteSourceAddressIPv6", "10.0.0.1"),
        ("routeTableRange", {"min": 1, "max": 251}),
        ("routeTableRange", {}),
        ("routeTableRanges", [{"min": 5, "max": 4}]),
        ("routeTableRanges", [{"min": 1, "max": 65535}, {"min": 70000, "max": 70000}]),
        ("routeTableRanges", [{"min": 1, "max": 4294967296}]),
        ("healthTimeoutOverrides", [{"name": "a,b", "timeout": "1s"}]),
        ("healthTimeoutOverrides", [{"name": "a", "timeout": "-1s"}]),
    ],
)
def test_each_rule_refuses_what_it_should(member, bad):
    """The reason names the field."""
    assert reason({**FIT, member: bad}).startswith(f"spec.{member}: ")


def test_route_tables_are_given_in_one_way():
    """Not in the old and the new one."""
    both = {"routeTableRange": {"min": 1, "max": 2}, "routeTableRanges": []}
    assert "together with routeTableRanges" in reason(both)
