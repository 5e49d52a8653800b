"""Quality of service from annotations."""

import json

import pytest

from tests import golden_data
from typha.model import qos

DSCP_VECTORS = [v for v in golden_data.vectors("ports-protocols") if "dscp" in v]
PREFIX = "qos.projectcalico.org/"


@pytest.mark.parametrize("vector", DSCP_VECTORS, ids=lambda v: repr(v["dscp"]))
def test_a_dscp_is_kept_or_dropped_as_recorded(vector):
    """Numbers become numbers, names upper case."""
    value = qos.dscp(vector["dscp"])
    assert (value is not None) == vector["valid"]
    if vector["valid"]:
        assert json.dumps(value) == vector["json"]


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ({}, {}),
        ({"ingressBandwidth": "plenty"}, {}),
        ({"ingressBandwidth": "100m"}, {"ingressBandwidth": 1000, "ingressBurst": 1 << 32}),
        ({"egressBandwidth": "2P"}, {"egressBandwidth": 10**15, "egressBurst": 1 << 32}),
        ({"ingressBurst": "2M", "egressPeakrate": "3M", "ingressMinburst": "2k"}, {}),
        (
            {"egressBandwidth": "5M", "egressPeakrate": "5M", "egressMinburst": "2k"},
            {"egressBandwidth": 5_000_000, "egressBurst": 1 << 32},
        ),
        (
            {"egressBandwidth": "5M", "egressPeakrate": "6M", "egressMinburst": "2k"},
            {
                "egressBandwidth": 5_000_000,
                "egressBurst": 1 << 32,
                "egressPeakrate": 6_000_000,
                "egressMinburst": 2000,
            },
        ),
        ({"ingressPacketBurst": "7"}, {}),
        ({"ingressPacketRate": "44"}, {"ingressPacketRate": 44, "ingressPacketBurst": 5}),
        ({"egressPacketRate": "0"}, {"egressPacketRate": 1, "egressPacketBurst": 5}),
        ({"ingressMaxConnections": "1.5"}, {"ingressMaxConnections": 2}),
        ({"dscp": "ef"}, {"dscp": "EF"}),
        ({"dscp": "77"}, {}),
        ({"dscp": "0063"}, {"dscp": 63}),
        ({"ingressMaxConnections": "k"}, {"ingressMaxConnections": 1}),
    ],
)
def test_limits_and_companions(asked, granted):
    """Too little is raised, too much cut, and what lacks its companion is dropped."""
    assert qos.controls({PREFIX + name: text for name, text in asked.items()}) == granted


def test_calicos_annotation_wins_over_kubernetes():
    """Both name the same bandwidth."""
    annotations = {"kubernetes.io/ingress-bandwidth": "1M", PREFIX + "ingressBandwidth": "3M"}
    assert qos.controls(annotations)["ingressBandwidth"] == 3_000_000


def test_members_come_in_the_order_sent():
    """Whatever the order of the annotations."""
    annotations = dict.fromkeys(sorted(qos.ANNOTATIONS), "2k") | {qos.DSCP_ANNOTATION: "46"}
    assert list(qos.controls(annotations)) == [
        "ingressBandwidth",
        "ingressBurst",
        "egressBandwidth",
        "egressBurst",
        "ingressPacketRate",
        "ingressPacketBurst",
        "egressPacketRate",
        "egressPacketBurst",
        "ingressMaxConnections",
        "egressMaxConnections",
        "dscp",
    ]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("20", 20),
        ("0063", 63),
        ("00", 0),
        ("255", 255),
        ("0256", "0256"),
        ("9" * 5000, "9" * 5000),
        ("+5", "+5"),
        ("\u0663", "\u0663"),
        ("ef", "ef"),
        ("", ""),
        (7, 7),
    ],
)
def test_a_stored_dscp_of_digits_is_a_number(given, kept):
    """However it is quoted; what is no small number stays a text, for Felix to judge."""
    assert qos.DSCP.convert(given) == kept
