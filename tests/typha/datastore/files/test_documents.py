"""Manifests are read as kubectl reads them, and nothing in them can hurt."""

import orjson
import pytest
import yaml
from hypothesis import given, settings, strategies as st

from typha.datastore.files import documents
from typha.datastore.files.documents import Document, Flaw


def read(text: str, *, is_json: bool = False) -> list:
    """Give the values of documents, and flaws as they are."""
    return [
        found.value if isinstance(found, Document) else found
        for found in documents.read(text.encode(), is_json=is_json)
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10:20", "10:20"),  # a range of ports, not a number to the base 60
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("00:11:22:33:44:55", "00:11:22:33:44:55"),
        ("0644", 420),
        ("0o17", 15),
        ("-0x10", -16),
        ("1_000", 1000),
        ("089", 89.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.2.3.4", "1.2.3.4"),
        (".", "."),
        ("-a", "-a"),
        ("99999999999999999999999", 1e23),
        ("9" * 5000, "9" * 5000),
        ("18446744073709551615", 2**64 - 1),
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("", None),
        ("~", None),
        ("Null", None),
        ("'yes'", "yes"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5),
        ("٣", "٣"),
    ],
)
def test_a_scalar_means_what_it_means_to_kubectl(text, value):
    """Not what YAML 1.1 makes of it."""
    assert read(f"a: {text}\n") == [{"a": value}]
    assert type(read(f"a: {text}\n")[0]["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: .inf\n", 2, "no number that JSON has"),
        ("a: 1\nb: !!binary aGk=\n", 2, "binary is not supported"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "not supported"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key must be"),
        ("a: 1\n? ~\n: 2\n", 2, "a key must be"),
        ("a: &a\n  b: *a\n", 2, "stands for nothing"),
        ("a: *b\n", 1, "stands for nothing"),
        ("a: &a [1]\nb: {<<: *a}\n", 2, "only mappings"),
        ("a: 1\n\n\nb: 'unfinished\n", 5, "quoted scalar"),
        ("a: b: c\n", 1, "not allowed"),
        ("[" * 100_000, 1, "nested deeper"),
        ("{a: " * 100_000, 1, "nested deeper"),
        ("- " * 100_000, 1, "nested deeper"),
        ("a: \x01\n", 1, "control characters"),
    ],
)
def test_a_broken_document_is_named_by_line_and_reason(text, line, reason):
    """Neither depth nor a tag nor an alias can do more than make a flaw."""
    (flaw,) = read(text)
    assert isinstance(flaw, Flaw)
    assert flaw.line == line
    assert reason in flaw.reason


@pytest.mark.parametrize("leaf", ["x", "x" * 100_000])
def test_aliases_cannot_expand_without_bound(leaf):
    """Nine levels of nine aliases each, or few of a long text."""
    levels = [f"a0: &a0 [{','.join([leaf] * 9)}]"]
    levels += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    (flaw,) = read("\n".join(levels))
    assert "aliases expand" in flaw.reason


def test_merging_mappings_cannot_expand_without_bound():
    """`<<` counts what it merges."""
    levels = ["a0: &a0 {" + ",".join(f"k{n}: 1" for n in range(100)) + "}"]
    levels += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)]
    (flaw,) = read("\n".join(levels))
    assert "aliases expand" in flaw.reason


def test_aliases_and_merges_are_what_yaml_says():
    """What a mapping states itself wins over what it merges."""
    text = "base: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}\nd: {<<: [*b, {x: 9, z: 4}]}\ne: *b\n"
    base = {"x": 1, "y": 2}
    assert read(text) == [
        {"base": base, "c": {"x": 1, "y": 3}, "d": {"x": 1, "y": 2, "z": 4}, "e": base}
    ]


def test_one_broken_document_does_not_hide_the_others():
    """Documents are cut apart before any is parsed."""
    text = "# head\n---\na: 1\n---\nb: [\n--- # note\nc: |\n  x\n...\n--- {d: 4}\n---\n"
    first, flaw, third, fourth = read(text)
    assert (first, third, fourth) == ({"a": 1}, {"c": "x\n"}, {"d": 4})
    assert isinstance(flaw, Flaw)
    assert flaw.line == 6


def test_the_line_of_each_mapping_is_known():
    """Also of items of a list in the second document."""
    content = b"a: 1\n---\nitems:\n- name: x\n- name: y\n"
    _, document = documents.read(content, is_json=False)
    assert isinstance(document, Document)
    assert [document.line_of(item) for item in document.value["items"]] == [4, 5]


def test_keys_that_are_numbers_or_truths_become_text():
    """As in the JSON that kubectl makes of them."""
    assert read("80: a\ntrue: b\n1.5: c\n") == [{"80": "a", "true": "b", "1.5": "c"}]


def test_several_json_values_in_one_file_are_several_documents():
    """As `kubectl get -o json` twice into one file leaves them."""
    assert read('{"a": 1}\n{"b": 2} [3]\n', is_json=True) == [{"a": 1}, {"b": 2}, [3]]


def test_many_values_take_no_longer_than_their_bytes():
    """One object a line, as jq leaves them: looking at the whole text for each would never end."""
    text = '{"a": 1}\n' * 50_000
    found = list(documents.read(text.encode(), is_json=True))
    assert (len(found), found[-1].line) == (50_000, 50_000)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1}\n{"b": \n\n]}', 4),
        ('{"a": NaN}', 1),
        ('{"a": 1}\n\n{"a": 1e400}', 3),
        ("[" * 100_000, 1),
    ],
)
def test_broken_json_is_named_by_line(text, line):
    """What came before it is kept."""
    *_, flaw = read(text, is_json=True)
    assert isinstance(flaw, Flaw)
    assert flaw.line == line


@pytest.mark.parametrize("is_json", [True, False])
def test_a_file_that_is_not_text_is_one_flaw(is_json):
    """The line is that of the first bad byte."""
    (flaw,) = documents.read(b'{"a":\n"\xff"}', is_json=is_json)
    assert flaw == Flaw(2, "not UTF-8")


def test_a_file_beyond_all_measure_is_refused_unread(monkeypatch):
    """Its size is looked at before anything else."""
    monkeypatch.setattr(documents, "MAX_BYTES", 3)
    assert read("a: 1") == [Flaw(1, "larger than 3 bytes")]


def test_a_byte_order_mark_is_no_part_of_the_text():
    """Editors of some systems write one."""
    assert [d.value for d in documents.read(b"\xef\xbb\xbf{}", is_json=True)] == [{}]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text(st.characters(codec="ascii")), json_values))
def test_json_is_read_alike_as_json_and_as_yaml(value):
    """YAML contains JSON; two ways lead to one value."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    assert read(text, is_json=True) == [value]
    if text.isascii() and "\x7f" not in text:
        assert read(text) == [value]


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200) | st.text(alphabet="-[]{}:&*<|>!#%'\"\n ab01.~?@`\t", max_size=80))
def test_no_input_raises(content):
    """Whatever the bytes are, documents and flaws are all that comes."""
    raw = content if isinstance(content, bytes) else content.encode()
    for is_json in (True, False):
        for found in documents.read(raw, is_json=is_json):
            assert isinstance(found, Document | Flaw)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), json_values), max_size=4))
def test_what_the_library_dumps_is_read_back(values):
    """Multi-document streams of another writer, every scalar in quotes and tagged."""
    text = yaml.safe_dump_all(values, explicit_start=True, default_style='"')
    assert read(text) == values
