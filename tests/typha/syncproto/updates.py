"""Updates for hypothesis, in the shapes that servers send."""

from hypothesis import strategies as st

from typha.syncproto.messages import SerializedUpdate, UpdateType

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
VALUES = st.none() | st.binary(min_size=1, max_size=40) | st.just(b"x" * 5000)
REVISIONS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=140)
VERSIONS = st.just("") | st.from_regex(r"[1-9][0-9]{0,18}", fullmatch=True)

UPDATES = st.builds(
    SerializedUpdate,
    key=KEYS,
    value=VALUES,
    revision=REVISIONS,
    v3_resource_version=VERSIONS,
    ttl_nanoseconds=st.just(0) | st.integers(-(2**63), 2**63 - 1),
    update_type=st.sampled_from([t.value for t in UpdateType]),
)
# What this server makes itself: always with a revision, a type, and no time to live.
OUR_UPDATES = st.builds(
    SerializedUpdate,
    key=KEYS,
    value=VALUES,
    revision=st.from_regex(r"[1-9][0-9]{0,18}(/[a-z]{0,200})?", fullmatch=True),
    v3_resource_version=VERSIONS,
    update_type=st.sampled_from([1, 2, 3]),
)
