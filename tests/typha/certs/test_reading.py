"""What is wrong with certificates, found before a peer finds it."""

import datetime as dt
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from typha.certs import making, reading
from typha.certs.making import Plan, Subject
from typha.certs.reading import UnreadableError

NOW = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
PLAN = Plan(
    subjects=(
        Subject(stem="typha", common_name="calico-typha", server=True, uri="spiffe://t"),
        Subject(stem="calico-node", common_name="calico-node"),
    ),
    days=100,
)


def openssl_in(folder):
    """Return a function that runs an openssl command in a folder."""

    def run(command):
        subprocess.run(["openssl", *command.split()], cwd=folder, capture_output=True, check=True)

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with certificates that are valid from NOW on, for 100 days."""
    made = tmp_path_factory.mktemp("certs")
    making.make(PLAN, made, now=NOW)
    return made


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """Return a folder with what the installation guide's openssl commands make."""
    made = tmp_path_factory.mktemp("guide")
    run = openssl_in(made)
    run("req -x509 -newkey rsa:2048 -nodes -keyout typhaca.key -out typhaca.crt -subj /CN=ca")
    run("req -newkey rsa:2048 -nodes -keyout typha.key -out typha.csr -subj /CN=calico-typha")
    run("x509 -req -in typha.csr -CA typhaca.crt -CAkey typhaca.key -out typha.crt")
    return made


def leaf(folder, name="typha"):
    """Read the only certificate of a file."""
    (certificate,) = reading.certificates(str(folder / f"{name}.crt"))
    return certificate


def texts(problems):
    """Return the problems' texts with whether they are serious."""
    return [(problem.text, problem.serious) for problem in problems]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (0, []),
        (69, []),
        (71, [("expires on 2030-09-09 00:00 UTC", False)]),
        (101, [("expired on 2030-09-09 00:00 UTC", True)]),
        (-1, [("is not valid before 2030-05-31 23:55 UTC", True)]),
    ],
)
def test_dates_are_judged_at_a_moment(folder, after, expected):
    """A month before the end is time to act."""
    when = NOW + dt.timedelta(days=after)
    assert texts(reading.date_problems(leaf(folder), when)) == expected


def test_purposes(folder, guide):
    """A certificate without a list of purposes serves for all."""
    assert texts(reading.purpose_problems(leaf(folder), "server")) == []
    ((text, serious),) = texts(reading.purpose_problems(leaf(folder), "client"))
    assert text.startswith("is not allowed to be a client's")
    assert serious
    assert texts(reading.purpose_problems(leaf(guide), "client")) == []


def test_who_may_sign(folder, guide):
    """A leaf may not; the guide's authority may, though it says little."""
    assert texts(reading.authority_problems(leaf(folder, "typhaca"))) == []
    assert texts(reading.authority_problems(leaf(guide, "typhaca"))) == []
    assert [serious for _, serious in texts(reading.authority_problems(leaf(folder)))] == [True]


def test_chains(folder, guide, tmp_path):
    """Through what the file itself brings along, to one of the authorities."""
    authorities = [leaf(guide, "typhaca"), leaf(folder, "typhaca")]
    assert texts(reading.chain_problems([leaf(folder)], authorities)) == []
    ((text, serious),) = texts(reading.chain_problems([leaf(folder)], authorities[:1]))
    assert text == "comes from 'CN=Calico Typha CA', which is not among the authorities"
    assert not serious
    with_its_own = [leaf(folder), leaf(folder, "typhaca")]
    assert len(texts(reading.chain_problems(with_its_own, authorities[:1]))) == 1
    making.make(PLAN, tmp_path, now=NOW)  # the same names, other keys
    assert len(texts(reading.chain_problems([leaf(tmp_path)], authorities))) == 1


def test_an_intermediate_leads_to_its_root(tmp_path):
    """As in a file that holds a chain."""
    (tmp_path / "ca.cnf").write_text("basicConstraints=critical,CA:TRUE\n")
    run = openssl_in(tmp_path)
    new = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    run(f"{new} -x509 -keyout root.key -out root.crt -subj /CN=root")
    run(f"{new} -keyout mid.key -out mid.csr -subj /CN=mid")
    run("x509 -req -in mid.csr -CA root.crt -CAkey root.key -out mid.crt -extfile ca.cnf")
    run(f"{new} -keyout leaf.key -out leaf.csr -subj /CN=leaf")
    run("x509 -req -in leaf.csr -CA mid.crt -CAkey mid.key -out leaf.crt")
    chain = tmp_path / "chain.crt"
    chain.write_bytes((tmp_path / "leaf.crt").read_bytes() + (tmp_path / "mid.crt").read_bytes())
    root = reading.certificates(str(tmp_path / "root.crt"))
    whole = reading.certificates(str(chain))
    assert len(whole) == 2
    assert texts(reading.chain_problems(whole, root)) == []
    assert len(texts(reading.chain_problems(whole[:1], root))) == 1


def test_an_authority_whose_key_has_another_number(folder):
    """Signed by it all the same: only one that gives the number, or none, is said to be fit."""
    theirs = leaf(folder, "typhaca")
    key = serialization.load_pem_private_key((folder / "typhaca.key").read_bytes(), None)
    numbers = {"other": b"\1\2\3", "none": None}
    renewed = {name: renew(theirs, key, number) for name, number in numbers.items()}
    ((text, serious),) = texts(reading.chain_problems([leaf(folder)], [renewed["other"]]))
    assert "OpenSSL and this server take it for a stranger's" in text
    assert not serious
    assert texts(reading.chain_problems([leaf(folder)], [renewed["none"]])) == []
    assert texts(reading.chain_problems([leaf(folder)], [renewed["other"], theirs])) == []


def renew(authority, key, number):
    """Make an authority's certificate once more, its key numbered so, or not at all."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(authority.subject)
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(authority.not_valid_before_utc)
        .not_valid_after(authority.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if number is not None:
        builder = builder.add_extension(x509.SubjectKeyIdentifier(number), critical=False)
    return builder.sign(key, hashes.SHA256())


def test_names(folder, guide):
    """The common name, and URIs if there are any."""
    assert reading.common_name(leaf(folder)) == "calico-typha"
    assert reading.uris(leaf(folder)) == ["spiffe://t"]
    assert reading.common_name(leaf(guide)) == "calico-typha"
    assert reading.uris(leaf(guide)) == []


def test_a_key_belongs_to_one_certificate(folder):
    """Whatever its form."""
    public = reading.public_key(str(folder / "typha.key"))
    assert reading.belongs(leaf(folder), public)
    assert not reading.belongs(leaf(folder, "calico-node"), public)


def test_a_key_everybody_can_read_is_told(folder, tmp_path):
    """Its group may read it: a container's user often is no more than that."""
    key = tmp_path / "key"
    key.write_bytes((folder / "typha.key").read_bytes())
    key.chmod(0o640)
    assert texts(reading.exposure_problems(str(key))) == []
    key.chmod(0o644)
    assert texts(reading.exposure_problems(str(key))) == [
        ("can be read by everybody (mode 0644)", False)
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate"),
        (b"\x30\x82\x01", "no certificate"),
        (None, "No such file"),
    ],
)
def test_what_is_no_certificate(tmp_path, content, reason):
    """Empty, broken, binary, missing."""
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableError, match=reason):
        reading.certificates(str(path))


def test_what_is_no_key(folder, tmp_path):
    """A certificate, nothing, or one that asks for a password."""
    with pytest.raises(UnreadableError, match="no private key"):
        reading.public_key(str(folder / "typha.crt"))
    with pytest.raises(UnreadableError, match="No such file"):
        reading.public_key(str(tmp_path / "absent"))
    encrypt = ["openssl", "pkey", "-aes256", "-passout", "pass:x", "-out", "locked.key"]
    subprocess.run([*encrypt, "-in", folder / "typha.key"], cwd=tmp_path, check=True)
    with pytest.raises(UnreadableError, match="encrypted"):
        reading.public_key(str(tmp_path / "locked.key"))
