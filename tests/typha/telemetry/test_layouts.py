"""How log lines look: the original's text, JSON, syslog."""

import json
import logging
import re
from pathlib import Path

import orjson
import pytest
from hypothesis import given, strategies as st

from typha.telemetry import layouts
from typha.telemetry.closing import CloseReason
from typha.telemetry.layouts import Layout


def record(message="connection closed", level=logging.INFO, name="typha.parent.x", **fields):
    """Make a record as a log call would."""
    logger = logging.getLogger(name)
    made = logger.makeRecord(name, level, "/src/listener.py", 42, message, (), None, extra=fields)
    made.created, made.msecs, made.process = 1700000000.123, 123.9, 77
    return made


def line(made, lay_out=layouts.text, role=""):
    """Lay a record out."""
    return Layout(lay_out, role).format(made)


def test_a_line_has_the_originals_layout(monkeypatch):
    """Time to the millisecond, level, process, file and line; fields by name."""
    monkeypatch.setenv("TZ", "UTC")
    made = record(zone="b", host="a b", client=7, ratio=0.5, done=True, error=OSError("x: y"))
    shown = re.sub(r"^[\d-]+ [\d:]+", "DATE TIME", line(made))
    assert shown == (
        "DATE TIME.123 [INFO][77] typha/listener.py 42: connection closed "
        'client=7 done=true error=OSError: x: y host="a b" ratio=0.5 zone="b"'
    )
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.123 ", line(made))


@pytest.mark.parametrize(
    ("level", "word"),
    [
        (logging.DEBUG, "DEBUG"),
        (logging.INFO, "INFO"),
        (logging.WARNING, "WARNING"),
        (logging.ERROR, "ERROR"),
        (logging.CRITICAL, "FATAL"),
        (layouts.PANIC, "PANIC"),
    ],
)
def test_levels_have_the_originals_names(level, word):
    """What Python calls critical, logrus calls fatal."""
    assert f"[{word}][77]" in line(record(level=level))


def test_names_and_nothing_are_not_quoted():
    """As Go shows what can name itself, and nil."""
    made = record(reason=CloseReason.FELL_BEHIND, peer=None, path=Path("/x"), many=[1, 2])
    assert line(made).endswith("many=[1, 2] path=/x peer=<nil> reason=fell-behind")


def test_the_role_of_a_process_is_a_field():
    """A pid alone tells an operator little."""
    assert line(record(), role="worker-1").endswith('closed role="worker-1"')


def test_lines_of_other_packages_carry_their_name():
    """So that nobody looks for them in ours."""
    assert " urllib3/listener.py 42: " in line(record(name="urllib3.connectionpool"))
    assert " typha/listener.py 42: " in line(record(name="workers.listener"))


@pytest.mark.golden
@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ('say "hi" \\', r'"say \"hi\" \\"'),
        ("\a\b\t\n\v\f\r", r'"\a\b\t\n\v\f\r"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("\x80\x9f\xa0\xad", r'"\u0080\u009f\u00a0\u00ad"'),
        ("é日本😀", '"é日本😀"'),
        ("\u200b\u2028\ufeff", r'"\u200b\u2028\ufeff"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("\udcff", r'"\xff"'),
    ],
)
def test_text_is_quoted_as_go_quotes_it(text, quoted):
    """What strconv.Quote was seen to make of the same; the last is a byte that is not UTF-8."""
    assert layouts.quoted(text) == quoted


HOSTILE = st.text() | st.text(st.sampled_from('\n\r\x1b\x85\u2028a" \\='), max_size=20)


@given(HOSTILE, HOSTILE)
def test_a_line_stays_one_line_whatever_it_holds(message, host):
    """Clients name themselves: nobody may forge a line or move a cursor."""
    shown = line(record(message.replace("%", ""), host=host, error=ValueError(host)))
    assert shown.isprintable()


def test_a_traceback_follows_indented():
    """So that it reads, and its lines cannot pass for others."""
    made = record("failed", level=logging.ERROR)
    try:
        int("one\n2026-01-01 00:00:00.000 [INFO][1] forged")
    except ValueError as error:
        made.exc_info = (type(error), error, error.__traceback__)
    first, *rest = line(made).split("\n")
    assert first.endswith("failed")
    assert rest[0] == "\tTraceback (most recent call last):"
    assert all(each.startswith("\t") for each in rest)


def test_json_has_a_member_for_each_thing():
    """A field whose name is taken gets another one."""
    made = record(reason=CloseReason.FELL_BEHIND, pid=1, error=ValueError("x"), size=3, none=None)
    found = json.loads(line(made, layouts.json, role="ops"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.123[+-]\d\d:\d\d", found.pop("time"))
    assert found == {
        "level": "info",
        "message": "connection closed",
        "pid": 77,
        "caller": "typha/listener.py:42",
        "reason": "fell-behind",
        "pid_": 1,
        "error": "ValueError: x",
        "size": 3,
        "none": None,
        "role": "ops",
    }


@given(HOSTILE, st.text(st.characters(), max_size=5))
def test_json_stays_one_object_on_one_line(message, value):
    """Also where a text is not UTF-8 or a value has no JSON form."""
    made = record(message.replace("%", ""), bytes=value, other=object(), bad="\udcff")
    shown = line(made, layouts.json)
    assert "\n" not in shown
    assert orjson.loads(shown)["level"] == "info"


def test_syslog_knows_time_and_process_itself():
    """The line begins with the level."""
    shown = line(record(level=logging.WARNING, a=1), layouts.syslog)
    assert shown == "WARNING typha/listener.py 42: connection closed a=1"
