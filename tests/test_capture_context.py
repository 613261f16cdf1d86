"""Capture context: one spelling, injective splice rules, counters that never repeat (M17, M18, A34, A35, A41, A43).

Covers A44, A50.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sealframe.capture_context import (
    DEFAULT_RULE,
    CaptureContext,
    CounterFile,
    MemoryCounter,
    SpliceRule,
    rules_by_magic,
)
from sealframe.errors import (
    CounterAnomaly,
    KeyFileError,
    LimitExceeded,
    MalformedEnvelope,
    PolicyError,
    StoreUnavailable,
)

FIELDS: dict[str, Any] = {
    "device_info": "POS-0001",
    "sign_version": 1,
    "timestamp": 1_790_000_000_000,
    "counter": 42,
    "random": bytes(range(16)),
    "width": 640,
    "height": 480,
}
LINE = b"SF1|POS-0001|1|1790000000000|42|000102030405060708090a0b0c0d0e0f|640x480"
LAST = 2**64 - 1


def test_m18_the_default_rule_gives_this_line_and_reads_it() -> None:
    context = CaptureContext(**FIELDS)
    assert context.encode() == LINE
    assert CaptureContext.decode(LINE) == context
    assert context.to_dict()["random"] == "000102030405060708090a0b0c0d0e0f"


@pytest.mark.parametrize(
    ("plain", "escaped"),
    [
        ("a|b", b"a%7Cb"),
        ("a\nb", b"a%0Ab"),
        ("\0", b"%00"),
        ("%2F", b"%252F"),
        ("Kasse 3 süd", b"Kasse%203%20s%C3%BCd"),
        ("x" * 96, b"x" * 96),
    ],
)
def test_a34_device_info_is_escaped_byte_by_byte(plain: str, escaped: bytes) -> None:
    context = CaptureContext(**{**FIELDS, "device_info": plain})
    assert context.encode().split(b"|")[1] == escaped
    assert CaptureContext.decode(context.encode()) == context
    assert context.to_dict()["device_info"] == escaped.decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"POS-0001", b"POS|0001"),
        (b"POS-0001", b"POS\n0001"),
        (b"POS-0001", b"POS%2f0001"),
        (b"POS-0001", b"%50OS-0001"),
        (b"POS-0001", b"POS%"),
        (b"POS-0001", b"POS%2"),
        (b"POS-0001", b"POS%FF"),
        (b"POS-0001", b"POS\x000001"),
        (b"POS-0001", b""),
        (b"POS-0001", b"x" * 97),
        (b"POS-0001", b"%C3%BC" * 49),
        (b"|1|", b"|01|"),
        (b"|1|", b"|+1|"),
        (b"|1|", b"|0|"),
        (b"|1|", b"|256|"),
        (b"|1|", b"||"),
        (b"|42|", b"|042|"),
        (b"|42|", b"|+42|"),
        (b"|42|", b"|4_2|"),
        (b"|42|", b"| 42|"),
        (b"|42|", b"|-1|"),
        (b"|42|", "|\N{ARABIC-INDIC DIGIT FOUR}|".encode()),
        (b"|42|", b"|18446744073709551616|"),
        (b"1790000000000", b"0790000000000"),
        (b"1790000000000", b"179000000000"),
        (b"1790000000000", b"253402300799000"),
        (b"0a0b0c", b"0A0B0C"),
        (b"0e0f", b"0e0"),
        (b"0e0f", b"0e0g"),
        (b"640x480", b"0x480"),
        (b"640x480", b"640x"),
        (b"640x480", b"640X480"),
        (b"640x480", b"640x4294967296"),
        (b"640x480", b"640x480\n"),
        (b"640x480", b"640x480 "),
        (b"640x480", b"640x480\0"),
        (b"SF1", b"sf1"),
        (b"SF1", b"SF2"),
        (b"SF1|", b""),
        (LINE, b""),
        (LINE, LINE + LINE),
        (LINE, LINE + b"|" + b"0" * 1024),
    ],
)
def test_a34_any_other_spelling_is_refused(old: bytes, new: bytes) -> None:
    assert old in LINE
    with pytest.raises(MalformedEnvelope):
        CaptureContext.decode(LINE.replace(old, new, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"device_info": ""},
        {"device_info": "x" * 97},
        {"device_info": "\ud800"},
        {"sign_version": 0},
        {"sign_version": 256},
        {"timestamp": 0},
        {"timestamp": 10**12 - 1},
        {"timestamp": 10**13},
        {"timestamp": 253_402_300_799_000},
        {"counter": -1},
        {"counter": 2**64},
        {"random": bytes(15)},
        {"width": 0},
        {"height": 2**32},
    ],
)
def test_a34_fields_out_of_range_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        CaptureContext(**{**FIELDS, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"device_info": b"POS"},
        {"counter": 1.0},
        {"counter": True},
        {"random": "0" * 16},
        {"timestamp": "1"},
        {"splice_rule": "SF1"},
    ],
)
def test_fields_of_another_type_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        CaptureContext(**{**FIELDS, **changes})


# Splice rules

PAY1 = SpliceRule("PAY1", "{magic_num};{timestamp}{random}{device_info}/{sign_version}/{counter}/{width}/{height}")


def test_m18_several_rules_live_side_by_side() -> None:
    context, rules = CaptureContext(**FIELDS, splice_rule=PAY1), rules_by_magic([PAY1, PAY1])
    assert context.encode() == b"PAY1;1790000000000000102030405060708090a0b0c0d0e0fPOS-0001/1/42/640/480"
    assert CaptureContext.decode(context.encode(), rules) == context
    assert CaptureContext.decode(LINE, rules) == CaptureContext(**FIELDS)
    assert (context.magic_num, context.to_dict()["magic_num"]) == ("PAY1", "PAY1")
    assert context != CaptureContext(**FIELDS)


def test_m18_a_rule_that_the_reader_was_not_given_is_refused() -> None:
    line = CaptureContext(**FIELDS, splice_rule=PAY1).encode()
    for rules in (rules_by_magic(), rules_by_magic([SpliceRule("PAY", PAY1.template)]), {}):
        with pytest.raises(MalformedEnvelope, match="unknown splice rule"):
            CaptureContext.decode(line, rules)
    with pytest.raises(MalformedEnvelope, match="does not follow"):
        CaptureContext.decode(line, rules_by_magic([SpliceRule("PAY1", DEFAULT_RULE.template)]))


def test_m18_a_magic_number_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="PAY1 is used by two splice rules"):
        rules_by_magic([PAY1, SpliceRule("PAY1", DEFAULT_RULE.template)])
    with pytest.raises(ValueError, match="SF1 is that of the default"):
        SpliceRule("SF1", PAY1.template)
    assert SpliceRule("SF1", DEFAULT_RULE.template) == DEFAULT_RULE


def test_a_rule_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rule.toml"
    content = f'# captures of our tills\ntemplate = "{PAY1.template}"\nmagic_num = "PAY1"\n'
    for more in ("", "#" * (4096 - len(content))):
        path.write_text(content + more)
        assert SpliceRule.load(path) == PAY1


def test_the_first_and_the_last_printable_character_separate() -> None:
    rule = SpliceRule("EDGE", DEFAULT_RULE.template.replace("|", " ").replace("x", "~"))
    context = CaptureContext(**FIELDS, splice_rule=rule)
    assert context.encode() == b"EDGE" + LINE[3:].replace(b"|", b" ").replace(b"x", b"~")
    assert CaptureContext.decode(context.encode(), rules_by_magic([rule])) == context


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the two strings"),
        (b'magic_num = "PAY1"', "the two strings"),
        (b'magic_num = "PAY1"\ntemplate = 1', "the two strings"),
        (f'magic_num = "PAY1"\ntemplate = "{PAY1.template}"\nmore = 1'.encode(), "the two strings"),
        (f'magic_num = "pay1"\ntemplate = "{PAY1.template}"'.encode(), "capital letters"),
        (b'magic_num = "PAY1"\ntemplate = "{magic_num}{counter}"', "exactly once"),
        (f'magic_num = "PAY1"\ntemplate = "{PAY1.template.replace("/", "")}"'.encode(), "separator outside"),
        (f'magic_num = "SF1"\ntemplate = "{PAY1.template}"'.encode(), "default"),
        (b'magic_num = "PAY1"\ntemplate = "{magic_num"', "expected"),
        (b'magic_num = "PAY1"\ntemplate = "{magic_num', "not valid TOML"),
        (b"\xff", "not valid TOML"),
        (b"a = " + b"[" * 4000, "not valid TOML"),
        (b"#" * 4097, "more than 4096 bytes"),
    ],
)
def test_a_file_that_holds_no_rule_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "rule.toml"
    path.write_bytes(content)
    with pytest.raises(PolicyError, match=rf"rule\.toml is not usable: .*{reason}"):
        SpliceRule.load(path)


def test_a_rules_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(PolicyError, match=f"splice rule {path} cannot be read"):
            SpliceRule.load(path)


@pytest.mark.parametrize(
    "template",
    [
        "{magic_num}{device_info}{sign_version}{timestamp}{counter}{random}{width}x{height}",
        DEFAULT_RULE.template.replace("{device_info}|{sign_version}", "{device_info}{sign_version}"),
        DEFAULT_RULE.template.replace("{device_info}|{sign_version}", "{device_info}-{sign_version}"),
        DEFAULT_RULE.template.replace("{device_info}|{sign_version}", "{device_info}0|{sign_version}"),
        DEFAULT_RULE.template.replace("{sign_version}|{timestamp}", "{sign_version}{timestamp}"),
        DEFAULT_RULE.template.replace("{counter}|{random}", "{counter}{random}"),
        DEFAULT_RULE.template.replace("{width}x{height}", "{width}0{height}"),
        DEFAULT_RULE.template.replace("{width}x{height}", "{width}x{height}1"),
        DEFAULT_RULE.template.replace("{magic_num}|", "{magic_num}A"),
    ],
)
def test_a35_rules_that_are_not_injective_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="separator outside"):
        SpliceRule("BAD", template)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (DEFAULT_RULE.template.replace("|{counter}", ""), "exactly once"),
        (DEFAULT_RULE.template + "|{counter}", "exactly once"),
        (DEFAULT_RULE.template + "|{payee}", "exactly once"),
        ("|" + DEFAULT_RULE.template, "start with"),
        (DEFAULT_RULE.template.replace("x", "\u00d7"), "ASCII"),
        (DEFAULT_RULE.template.replace("x", "\n"), "ASCII"),
        (DEFAULT_RULE.template.replace("x", "{{"), "ASCII"),
        (DEFAULT_RULE.template.replace("{counter}", "{counter:05}"), "no format"),
        (DEFAULT_RULE.template.replace("{counter}", "{counter!r}"), "no format"),
    ],
)
def test_a35_rules_that_lose_something_are_refused(template: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SpliceRule("BAD", template)


@pytest.mark.parametrize("magic", ["", "sf1", "SF|", "A" * 17, "SF1\n"])
def test_a_magic_number_is_capitals_and_digits(magic: str) -> None:
    with pytest.raises(ValueError, match="capital"):
        SpliceRule(magic, DEFAULT_RULE.template)


# Counters


def test_a_memory_counter_counts_up_to_the_end() -> None:
    counter = MemoryCounter(LAST)
    assert counter.next() == LAST
    with pytest.raises(LimitExceeded):
        counter.next()


def test_a_counter_file_goes_on_beyond_the_reserved_block(tmp_path: Path) -> None:
    path = tmp_path / "pos.counter"
    first = CounterFile(path, block=4)
    assert [first.next() for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    assert CounterFile(path, block=4).next() == 8
    assert first.next() == 6
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a41_a_restored_device_can_be_moved_past_what_was_used(tmp_path: Path) -> None:
    counter = CounterFile(tmp_path / "pos.counter")
    counter.next()
    counter.advance_past(1000)
    assert counter.next() == 1001
    counter.advance_past(5)
    assert counter.next() > 1001
    for beyond in (-1, 2**64):
        with pytest.raises(ValueError, match="between"):
            counter.advance_past(beyond)
    fresh = CounterFile(tmp_path / "fresh.counter")
    fresh.advance_past(0)
    assert fresh.next() == 1
    fresh.advance_past(LAST)
    with pytest.raises(LimitExceeded):
        fresh.next()


def test_a_counter_file_ends_at_the_last_number(tmp_path: Path) -> None:
    counter = CounterFile(tmp_path / "pos.counter")
    counter.advance_past(LAST - 1)
    assert counter.next() == LAST
    for again in (counter, CounterFile(tmp_path / "pos.counter")):
        with pytest.raises(LimitExceeded):
            again.next()


def test_threads_and_counters_on_one_file_never_share_a_number(tmp_path: Path) -> None:
    counters = [CounterFile(tmp_path / "pos.counter", block=3) for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(counters[index % 3].next) for index in range(120)]
        numbers = [job.result() for job in jobs]
    assert len(set(numbers)) == len(numbers)


def _draw(path: Path, count: int, out: Any) -> None:
    counter = CounterFile(path, block=5)
    out.put([counter.next() for _ in range(count)])


def test_processes_never_share_a_number(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    out = spawn.Queue()
    workers = [spawn.Process(target=_draw, args=(tmp_path / "pos.counter", 20, out)) for _ in range(3)]
    for worker in workers:
        worker.start()
    numbers = [number for _ in workers for number in out.get(timeout=60)]
    for worker in workers:
        worker.join()
    assert len(set(numbers)) == len(numbers) == 60


def test_a43_a_forked_child_draws_from_a_block_of_its_own(tmp_path: Path) -> None:
    counter = CounterFile(tmp_path / "pos.counter")
    before = counter.next()
    read, write = os.pipe()
    with counter._lock:  # as when another thread draws at the moment of the fork
        child = os.fork()
        if child == 0:
            os.write(write, str(counter.next()).encode())
            os._exit(0)
    os.waitpid(child, 0)
    drawn = int(os.read(read, 64))
    os.close(read)
    os.close(write)
    assert len({before, drawn, counter.next()}) == 3
    assert drawn >= 256


@pytest.mark.parametrize(
    "content", [b"junk", b"sealframe-counter 1\nnext 01\n", b"sealframe-counter 1\nnext 5", b"\0" * 64]
)
def test_a_damaged_counter_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pos.counter"
    path.write_bytes(content)
    path.chmod(0o600)
    for use in (CounterFile(path).next, lambda: CounterFile(path).advance_past(1)):
        with pytest.raises(CounterAnomaly, match="not a counter file"):
            use()
    assert path.read_bytes() == content


def test_a_counter_file_that_must_exist_is_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "pos.counter"
    counter = CounterFile(path, create=False)
    with pytest.raises(CounterAnomaly, match=r"pos\.counter is missing"):
        counter.next()
    path.touch(0o600)
    with pytest.raises(CounterAnomaly, match="not a counter file"):
        counter.next()
    path.unlink()
    counter.advance_past(41)
    assert counter.next() == CounterFile(path, block=1, create=False).next() - 256 == 42


@pytest.mark.parametrize("older", [None, b"", b"sealframe-counter 1\nnext 4\n"], ids=["gone", "empty", "restored"])
def test_a41_a_counter_file_that_went_back_is_noticed_and_can_be_mended(tmp_path: Path, older: bytes | None) -> None:
    path = tmp_path / "pos.counter"
    counter = CounterFile(path, block=4)
    used = [counter.next() for _ in range(8)]
    path.unlink()
    if older is not None:
        path.write_bytes(older)
        path.chmod(0o600)
    with pytest.raises(CounterAnomaly, match="all numbers below 8 are given out"):
        counter.next()
    counter.advance_past(2)
    assert counter.next() not in used


def test_a44_a_counter_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pos.counter"
    CounterFile(path).next()
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        CounterFile(path).next()


def test_a50_a_counter_file_is_no_symbolic_link_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "real").touch(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for path in (tmp_path / "link", tmp_path, tmp_path / "absent" / "pos.counter"):
        for use in (CounterFile(path).next, lambda path=path: CounterFile(path).advance_past(1)):
            with pytest.raises(StoreUnavailable, match="cannot be used"):
                use()


def test_a_block_is_at_least_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="block must be 1 or more"):
        CounterFile(tmp_path / "pos.counter", block=0)


def test_the_longest_line_of_the_longest_rule_is_read() -> None:
    template = "{magic_num}|{device_info}|{sign_version}|{timestamp}|{counter}|{random}|{width}x{height}"
    longest = template + "." * (512 - len(template))
    with pytest.raises(ValueError, match="at most 512"):
        SpliceRule("TOOLONG", longest + ".")
    rule = SpliceRule("LONGESTRULE12345", longest)
    edge = {"sign_version": 255, "timestamp": 10**13 - 1, "counter": 2**64 - 1, "width": 2**32 - 1, "height": 2**32 - 1}
    context = CaptureContext(device_info="|" * 96, random=bytes(16), splice_rule=rule, **edge)
    assert CaptureContext.decode(context.encode(), rules_by_magic([rule])) == context
    with pytest.raises(MalformedEnvelope):
        CaptureContext.decode(context.encode() + b"." * 1024, rules_by_magic([rule]))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("sign_version", 1, 255),
        ("timestamp", 10**12, 10**13 - 1),
        ("counter", 0, 2**64 - 1),
        ("width", 1, 2**32 - 1),
        ("height", 1, 2**32 - 1),
    ],
)
def test_numbers_reach_to_their_bounds_and_no_further(name: str, low: int, high: int) -> None:
    for value in (low, high):
        context = CaptureContext(**{**FIELDS, name: value})
        assert CaptureContext.decode(context.encode()) == context
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=f"{name} must be between {low} and {high}"):
            CaptureContext(**{**FIELDS, name: value})
