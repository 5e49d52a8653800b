"""What a datastore must hold before anything works: the original writes it where it is missing."""

from typing import Final

CLUSTER_TYPES: Final = ("typha", "kdd")  # what is added to a ClusterInformation's clusterType
CLUSTER_INFORMATION: Final = "default"  # the name of the only one that counts

# The tiers: name, order, default action.
TIERS: Final = (
    ("default", 1_000_000, "Deny"),
    ("kube-admin", 1_000, "Pass"),
    ("kube-baseline", 10_000_000, "Pass"),
)
