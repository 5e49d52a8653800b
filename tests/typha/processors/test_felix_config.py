"""Settings from FelixConfiguration and ClusterInformation."""

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzzing import anywhere, survives
from typha.datastore.k8s import custom
from typha.model import encoding, felix_fields
from typha.model.resources import ConversionError, Reading
from typha.processors import felix_config

read_felix = custom.passed_through("FelixConfiguration", spec=felix_fields.SPEC)
read_cluster = custom.passed_through("ClusterInformation", spec=felix_fields.CLUSTER_INFORMATION)
EVERY_FORM = {
    "useInternalDataplaneDriver": False,
    "dataplaneDriver": "calico",
    "routeRefreshInterval": "1m30.5s",
    "iptablesLockProbeInterval": "50ms",
    "iptablesBackend": "NFT",
    "maxIpsetSize": 1048576,
    "iptablesMarkMask": 4294901760,
    "healthTimeoutOverrides": [
        {"name": "CalculationGraph", "timeout": "90s"},
        {"timeout": "500ms", "name": "b"},
    ],
    "failsafeInboundHostPorts": [
        {"protocol": "TCP", "port": 22},
        {"protocol": "UDP", "port": 53, "net": "10.0.0.0/8"},
        {"protocol": "tcp", "port": 1, "net": "fd00::/64"},
        {"port": 99},
    ],
    "failsafeOutboundHostPorts": [],
    "kubeNodePortRanges": ["30000:32767", 5, "80"],
    "natPortRange": "1000:2000",
    "externalNodesList": ["1.2.3.4", "5.6.7.8"],
    "bpfConntrackTimeouts": {"tcpSynSent": "Auto", "creationGracePeriod": "10s"},
    "bpfLogFilters": {"eth0": "udp port 53", "all": "host 1"},
    "istioDSCPMark": 23,
    "routeTableRanges": [{"min": 1, "max": 250}, {"max": 400, "min": 300}],
    "routeTableRange": {"min": 1, "max": 250},
    "wireguardKeepAlive": "1h",
}
OBJECT = {
    "metadata": {
        "name": "default",
        "resourceVersion": "152",
        "annotations": {
            "config.projectcalico.org/FooBar": "baz",
            "config.projectcalico.org/DataplaneDriver": "",
            "config.projectcalico.org/": "no name",
            "unrelated": "x",
        },
    },
    "spec": EVERY_FORM,
}


def texts(process, read, name, spec, annotations=()):
    """Return the keys of an object, without their common head, with their texts."""
    meta = {"name": name, "resourceVersion": "152", "annotations": dict(annotations)}
    return {
        kv.key.removeprefix("/calico/v1/"): kv.value.decode()
        for kv in process(read({"metadata": meta, "spec": spec}, Reading()))
    }


def felix(name, spec, annotations=()):
    """Return the settings of a FelixConfiguration."""
    return texts(felix_config.process, read_felix, name, spec, annotations)


def test_every_form_of_field_has_its_text():
    """In the order of the fields; nothing for what is not given."""
    assert list(felix("default", EVERY_FORM).items()) == [
        ("config/UseInternalDataplaneDriver", "false"),
        ("config/DataplaneDriver", "calico"),
        ("config/RouteRefreshInterval", "90.5"),
        ("config/IptablesLockProbeIntervalMillis", "50"),
        ("config/MaxIpsetSize", "1048576"),
        ("config/IptablesBackend", "NFT"),
        ("config/IptablesMarkMask", "4294901760"),
        ("config/HealthTimeoutOverrides", "CalculationGraph=1m30s,b=500ms"),
        ("config/FailsafeInboundHostPorts", "tcp:22,udp:10.0.0.0/8:53,tcp:[fd00::/64]:1,:99"),
        ("config/FailsafeOutboundHostPorts", "none"),
        ("config/KubeNodePortRanges", "[30000:32767 5 80]"),
        ("config/NATPortRange", "1000:2000"),
        ("config/ExternalNodesCIDRList", "1.2.3.4,5.6.7.8"),
        ("config/BPFConntrackTimeouts", "CreationGracePeriod=10s,TCPSynSent=Auto"),
        ("config/BPFLogFilters", "all=host 1,eth0=udp port 53,"),
        ("config/IstioDSCPMark", "23"),
        ("config/RouteTableRanges", "1-250,300-400"),
        ("config/RouteTableRange", "1-250"),
        ("config/WireguardPersistentKeepAlive", "3600"),
    ]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"logPrefix": ""}, None),
        ({"logPrefix": None}, None),
        ({"healthHost": ""}, ""),
        ({"externalNodesList": []}, ""),
        ({"kubeNodePortRanges": []}, "[]"),
        ({"routeTableRanges": []}, ""),
        ({"bpfConntrackTimeouts": {}}, ""),
        ({"bpfLogFilters": {}}, ""),
        ({"healthTimeoutOverrides": []}, None),
        ({"bpfLogLevel": ""}, None),
        ({"bpfLogLevel": "Info"}, "Info"),
        ({"debugPort": 0}, "0"),
        ({"reportingInterval": "0s"}, "0"),
        ({"nodeSelector": "all()"}, None),
        ({"natPortRange": "http"}, "http"),
        ({"istioDSCPMark": "ef"}, "ef"),
        ({"istioDSCPMark": "0023"}, "23"),
        ({"istioDSCPMark": "0256"}, "0256"),
    ],
)
def test_what_is_empty_is_a_setting_only_where_it_could_also_be_absent(spec, text):
    """A pointer to nothing is something."""
    assert list(felix("default", spec).values()) == ([] if text is None else [text])


def test_annotations_win_over_fields():
    """In the field's place if there is one, else at the end; even with an empty text."""
    annotations = {
        "config.projectcalico.org/FooBar": "baz",
        "config.projectcalico.org/LogSeverityScreen": "Debug",
        "config.projectcalico.org/Ipv6Support": "",
        "config.projectcalico.org/": "nothing",
        "other": "x",
    }
    found = felix("default", {"logSeverityScreen": "Info", "wireguardMTU": 1}, annotations)
    assert list(found.items()) == [
        ("config/Ipv6Support", ""),
        ("config/LogSeverityScreen", "Debug"),
        ("config/WireguardMTU", "1"),
        ("config/FooBar", "baz"),
    ]


def test_no_two_fields_make_one_setting():
    """Nor are two declared under one name."""
    fields = felix_fields.FIELDS
    assert len({field.member for field in fields}) == len(fields) == 180
    assert len({field.setting for field in fields}) == len(fields)


def test_an_object_may_be_for_one_host():
    """Whose name may have dots."""
    assert felix("node.n1.example", {"logPrefix": "p"}) == {
        "host/n1.example/config/LogPrefix": "p"
    }


def test_an_object_of_another_name_travels_whole():
    """With its selector, and a log level that is always printed."""
    meta = {"name": "by-selector", "resourceVersion": "7", "creationTimestamp": None}
    spec = {"nodeSelector": "rack == 'r1'", "routeRefreshInterval": "90s", "unknown": 1}
    (kv,) = felix_config.process(read_felix({"metadata": meta, "spec": spec}, Reading()))
    assert kv.key == "/calico/resources/v3/projectcalico.org/felixconfigurations/by-selector"
    assert kv.v3_resource_version == "7"
    assert encoding.encode(kv.value["spec"]) == (
        b'{"nodeSelector":"rack == \'r1\'","routeRefreshInterval":"1m30s","bpfLogLevel":""}'
    )


@pytest.mark.parametrize(
    ("name", "ready", "keys"),
    [
        ("default", True, {"config/ClusterGUID": "g", "config/Variant": "v", "Ready": "true"}),
        ("default", False, {"config/ClusterGUID": "g", "config/Variant": "v", "Ready": "false"}),
        ("default", None, {"config/ClusterGUID": "g", "config/Variant": "v"}),
        ("node.n", True, {"host/n/config/ClusterGUID": "g", "host/n/config/Variant": "v"}),
    ],
)
def test_the_clusters_settings_and_whether_it_is_ready(name, ready, keys):
    """Which is one flag for all; annotations have no say."""
    spec = {"clusterGUID": "g", "clusterType": "", "variant": "v", "datastoreReady": ready}
    annotations = {"config.projectcalico.org/ClusterGUID": "x"}
    process = felix_config.process_cluster_information
    assert texts(process, read_cluster, name, spec, annotations) == keys


def test_cluster_information_of_another_name_travels_whole():
    """Nobody asks for it."""
    obj = {"metadata": {"name": "odd"}, "spec": {"datastoreReady": False}}
    (kv,) = felix_config.process_cluster_information(read_cluster(obj, Reading()))
    assert kv.key == "/calico/resources/v3/projectcalico.org/clusterinformations/odd"
    assert kv.value["spec"] == {"datastoreReady": False}


@pytest.mark.parametrize(
    ("member", "bad", "message"),
    [
        ("routeRefreshInterval", "90", "spec.routeRefreshInterval: '90' is not a duration"),
        ("routeRefreshInterval", 90, "spec.routeRefreshInterval: 90 is not a text"),
        ("ipv6Support", "true", "spec.ipv6Support: 'true' is not true or false"),
        ("natPortRange", "9:8", "spec.natPortRange: port range 9:8 is the wrong way round"),
        ("iptablesMarkMask", 1 << 32, "spec.iptablesMarkMask: 4294967296 is not a whole number"),
        (
            "failsafeInboundHostPorts",
            [{"port": "22"}],
            "spec.failsafeInboundHostPorts[0].port: '22' is not a whole number",
        ),
    ],
)
def test_a_field_that_cannot_be_read_says_why(member, bad, message):
    """The object's settings are then absent."""
    with pytest.raises(ConversionError) as raised:
        felix("default", {member: bad})
    assert message in str(raised.value)


@given(st.data(), st.sampled_from(["default", "node.n", "node.", "other", ""]))
@settings(deadline=None, max_examples=80)
def test_whatever_they_hold_they_are_converted_or_refused(data, name):
    """Any JSON in place of any member."""
    obj = data.draw(anywhere(OBJECT))
    if isinstance(obj["metadata"], dict):
        obj["metadata"]["name"] = name
    survives(read_felix, felix_config.process, obj)
    survives(read_cluster, felix_config.process_cluster_information, obj)
