"""The audit log: what an entry may hold, and that every alteration is found and named."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from retrofr.errors import OutputError
from retrofr.oversight.findings import Findings, Stored, Verified
from retrofr.oversight.log import (
    FIRST,
    OPERATIONS,
    Draft,
    Entry,
    canonical,
    digest_of,
    make_entry,
    make_head,
    parse_entry,
    parse_head,
)
from retrofr.oversight.operators import Operator, OperatorKey, known_keys, operator_key
from retrofr.oversight.outside import OutsideLog
from retrofr.oversight.verifying import verify_log

SMITH = Operator("A. Smith")


def draft(number: int = 0, **fields: Any) -> Draft:
    action = list(OPERATIONS)[number % len(OPERATIONS)]
    given: dict[str, Any] = {"action": action, "operator": SMITH, "details": {"number": number}}
    return Draft(**given | fields)


def chain(key: OperatorKey | None, length: int, log: str = "log") -> list[Entry]:
    entries: list[Entry] = []
    for number in range(length):
        last = entries[-1] if entries else None
        public = None if key is None else key.public_key_hex
        entries.append(make_entry(draft(number), log=log, last=last, public_key_hex=public))
    return entries


# ---- entries -------------------------------------------------------------------------------------------------


def test_requirement_11_what_an_entry_holds(key: OperatorKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "desk7")
    monkeypatch.setattr("getpass.getuser", lambda: "asmith")
    started = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    said = draft(2, authority="RF/17", reason="offence 12/2030", case_id="c" * 32, started=started)
    entry = make_entry(said, log="c" * 32, last=None, public_key_hex=key.public_key_hex)
    at, digest = entry.pop("at"), entry.pop("digest")
    assert datetime.fromisoformat(at).utcoffset() is not None
    assert len(digest) == 64
    software = entry.pop("software")
    assert set(software) == {"retrofr", "python"}
    assert entry == {
        "schema": "retrofr.audit/1",
        "log": "c" * 32,
        "seq": 1,
        "action": "search",
        "operation": "combine",
        "outcome": "done",
        "started": "2030-01-02T03:04:05.678901+00:00",
        "finished": None,
        "operator": {"name": "A. Smith", "stated": True, "key": key.public_key_hex},
        "host": "desk7",
        "user": "asmith",
        "authority": "RF/17",
        "reason": "offence 12/2030",
        "case": "c" * 32,
        "case_entry": None,
        "details": {"number": 2},
        "contents": {},
        "models": {},
        "previous": FIRST,
    }


def test_requirement_13_every_action_says_what_it_does_with_data() -> None:
    assert set(OPERATIONS.values()) == {"collect", "alter", "consult", "disclose", "combine", "erase", "none"}
    assert [action for action, operation in OPERATIONS.items() if operation == "none"] == ["denied"]


def test_the_canonical_form_is_that_of_any_json_library() -> None:
    assert canonical({"b": [1, 2.5, None], "a": "ü\udcff"}) == b'{"a":"\\u00fc\\udcff","b":[1,2.5,null]}'
    with pytest.raises(ValueError, match="Out of range float"):
        canonical(float("nan"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"action": "peek"}, "action: expected one of create, "),
        ({"outcome": "perhaps"}, "outcome: expected one of begun, done, "),
        ({"details": {"a": float("inf")}}, r"details\.a: expected a finite number, got inf"),
        ({"details": {"t": [0.5] * 128}}, r"details\.t: a list of 128 numbers has no place in a log"),
        ({"details": {"t": "Q" * 600}}, r"details\.t: encoded bytes have no place in a log"),
        ({"details": {"t": "so " * 1500}}, r"details\.t: expected at most 4,096 characters, got 4,500"),
        ({"details": {"t": b"jpeg"}}, r"details\.t: a log keeps no bytes"),
        ({"details": {"t": {1: 2}}}, r"details\.t: expected text for a key, got 1"),
        ({"models": {"yunet": "short"}}, "yunet: expected 64 hexadecimal digits, got 'short'"),
    ],
)
def test_what_has_no_place_in_a_log(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draft(**fields)


def test_an_entry_is_read_back_only_as_it_was_written(key: OperatorKey) -> None:
    (entry,) = chain(key, 1)
    data = canonical(entry)
    assert parse_entry(data) == entry
    assert parse_entry(data.replace(b",", b", ", 1)) is None  # the same values, other bytes
    assert parse_entry(data.replace(b'"done"', b'"gone"')) is None
    more = {**entry, "more": 1}
    assert parse_entry(canonical({**more, "digest": digest_of(more)})) is None


def test_a_head_is_signed_by_its_operator(key: OperatorKey) -> None:
    (entry,) = chain(key, 1)
    head = make_head(entry, key)
    assert parse_head(head.encoded()) == head
    assert head.is_signed()
    assert not dataclasses.replace(head, seq=2).is_signed()
    assert not dataclasses.replace(head, digest=FIRST).is_signed()
    assert parse_head(head.encoded() + b" ") is None


# ---- what is found -------------------------------------------------------------------------------------------


def lines_of(entries: list[Entry]) -> list[bytes]:
    return [canonical(entry) + b"\n" for entry in entries]


def checked(
    entries: list[bytes], heads: list[bytes], *, rows: bool = False, **options: Any
) -> Verified | Findings:
    def stored(items: list[bytes]) -> list[Stored]:
        if rows:
            return [Stored(item.rstrip(b"\n"), number) for number, item in enumerate(items, 1)]
        return [Stored(item) for item in items]

    options.setdefault("known_keys", known_keys())
    options.setdefault("all_signed", rows)
    return verify_log(stored(entries), stored(heads), **options)


def first(result: Verified | Findings) -> tuple[str, int]:
    assert isinstance(result, Findings), result
    return result.first.kind, result.first.seq


@pytest.fixture
def ten(key: OperatorKey) -> tuple[list[bytes], list[bytes]]:
    """Lines of ten entries and of their heads."""
    entries = chain(key, 10)
    return lines_of(entries), [make_head(entry, key).encoded() + b"\n" for entry in entries]


Ten = tuple[list[bytes], list[bytes]]


def test_a_log_as_it_was_written(ten: Ten) -> None:
    last = json.loads(ten[0][-1])["digest"]
    assert checked(*ten) == Verified(10, last)
    assert checked(*ten, rows=True) == Verified(10, last)
    assert checked([], []) == Verified(0, None)


def edited(line: bytes, **fields: Any) -> bytes:
    """Altered by one who takes care that its own digest fits again."""
    entry = json.loads(line) | fields
    return canonical(entry | {"digest": digest_of(entry)}) + b"\n"


@pytest.mark.parametrize("seq", [1, 5, 10])
def test_an_entry_that_was_made_anew(ten: Ten, seq: int) -> None:
    entries, heads = ten
    entries[seq - 1] = edited(entries[seq - 1], reason="none of your business")
    result = checked(entries, heads)
    assert first(result) == ("edited", seq)
    assert isinstance(result, Findings)
    assert result.first.sentence == f"entry {seq} is not the one whose head was signed"


def test_a_chain_that_was_made_anew_from_one_entry_on(ten: Ten) -> None:
    entries, heads = ten
    entries[3] = edited(entries[3], reason="none")
    for place in range(4, 10):
        entries[place] = edited(entries[place], previous=json.loads(entries[place - 1])["digest"])
    assert first(checked(entries, heads)) == ("edited", 4)


def test_without_heads_the_chain_tells(ten: Ten) -> None:
    entries, _ = ten
    entries[3] = edited(entries[3], reason="none")
    unsigned = chain(None, 10)
    lines = lines_of(unsigned)
    lines[3] = edited(lines[3], reason="none")
    assert first(checked(lines, [])) == ("edited", 4)


def test_heads_of_another_key_are_forged(ten: Ten, key: OperatorKey, tmp_path: Path) -> None:
    entries, heads = ten
    entries[9] = edited(entries[9], reason="none")
    foreign = Operator("A. Smith")
    os.environ["RETROFR_KEYS"] = str(tmp_path / "elsewhere")
    own = operator_key(foreign)
    os.environ["RETROFR_KEYS"] = str(tmp_path / "keys")
    heads[9] = make_head(json.loads(entries[9]), own).encoded() + b"\n"
    result = checked(entries, heads, rows=True)
    assert isinstance(result, Findings)
    assert [(f.kind, f.seq, f.sentence) for f in result.found] == [
        ("forged head", 10, "the head of entry 10 is signed by another key than that of A. Smith")
    ]
    elsewhere = checked(entries, heads, rows=True, known_keys={})  # the entry itself names the key
    assert first(elsewhere) == ("forged head", 10)


def test_keys_that_are_not_here_are_named(ten: Ten, key: OperatorKey) -> None:
    result = checked(*ten, known_keys={})
    assert isinstance(result, Verified)
    assert result.notes == (
        f"signed with the key {key.public_key_hex}, which is not on this machine: "
        "ask its operator for the public key",
    )


def test_a_log_of_another_case_is_none_of_this_one(ten: Ten) -> None:
    assert first(checked(*ten, rows=True, log="other")) == ("edited", 1)


def test_an_entry_that_comes_twice(ten: Ten) -> None:
    entries, heads = ten
    assert first(checked([*entries[:4], entries[2], *entries[4:]], heads)) == ("inserted", 3)
    foreign = lines_of(chain(None, 1, log="another"))
    result = checked([*entries[:4], *foreign, *entries[4:]], heads)
    assert first(result) == ("inserted", 5)


def test_a_head_that_is_missing(ten: Ten) -> None:
    entries, heads = ten
    assert first(checked(entries, heads[:-1], rows=True)) == ("head deleted", 10)
    power_cut = checked(entries, heads[:-1])
    assert isinstance(power_cut, Verified)
    assert power_cut.notes == ("the head of entry 10, the last one, was not written",)
    assert first(checked(entries, heads[:-2])) == ("head deleted", 9)


def test_a_line_that_was_torn_is_no_alteration(ten: Ten) -> None:
    entries, heads = ten
    torn = entries[9][:50]
    result = checked([*entries[:9], torn], heads[:9])
    assert isinstance(result, Verified)
    assert result.notes == ("line 10 was cut off while it was written",)
    went_on = checked([*entries[:9], torn + b"\n", entries[9]], heads)
    assert isinstance(went_on, Verified)
    assert went_on.entries == 11
    assert first(checked([*entries[:9], torn], heads)) == ("truncated", 10)


def of_case(entries: list[bytes], case: str = "log") -> list[Entry]:
    """What the log outside of cases says of these entries."""
    drafts = [draft(number, case_id=case) for number in range(len(entries))]
    told: list[Entry] = []
    for said, line in zip(drafts, entries, strict=True):
        last = told[-1] if told else None
        told.append(
            make_entry(said, log="outside", last=last, public_key_hex=None, case_entry=json.loads(line))
        )
    return told


def test_the_log_outside_knows_what_was_cut_with_its_heads(ten: Ten) -> None:
    entries, heads = ten
    outside = of_case(entries)
    cut = checked(entries[:7], heads[:7], rows=True, outside=outside)
    assert first(cut) == ("truncated", 8)
    assert isinstance(cut, Findings)
    assert cut.first.sentence == (
        "the log ends before entry 8, and the log outside of the case tells of entry 10"
    )
    assert isinstance(checked(entries[:7], heads[:7], rows=True), Verified)  # it cannot be seen from inside


def test_a_case_that_was_put_back_and_went_on(ten: Ten, key: OperatorKey) -> None:
    entries, heads = ten
    other = make_entry(draft(99), log="log", last=json.loads(entries[6]), public_key_hex=key.public_key_hex)
    went_on = [*entries[:7], canonical(other) + b"\n"]
    signed = [*heads[:7], make_head(other, key).encoded() + b"\n"]
    outside = of_case([*entries, went_on[-1]])
    result = checked(went_on, signed, rows=True, outside=outside)
    assert first(result) == ("rewritten", 8)


# ---- a thousand alterations ----------------------------------------------------------------------------------

Tamper = Callable[[random.Random, list[bytes]], tuple[list[bytes], set[tuple[str, int]]]]


def edit_a_byte(dice: random.Random, entries: list[bytes]) -> tuple[list[bytes], set[tuple[str, int]]]:
    place = dice.randrange(len(entries))
    line = bytearray(entries[place])
    at = dice.randrange(len(line) - 1)
    line[at] = dice.choice([byte for byte in range(256) if byte not in (line[at], 10)])
    return [*entries[:place], bytes(line), *entries[place + 1 :]], {("edited", place + 1)}


def edit_a_field(dice: random.Random, entries: list[bytes]) -> tuple[list[bytes], set[tuple[str, int]]]:
    place = dice.randrange(len(entries))
    entry = json.loads(entries[place])
    name = dice.choice(sorted(entry))
    values = [None, 7, "x", [1], {"a": 1}, dice.randrange(1, 12)]
    entry[name] = dice.choice([value for value in values if value != entry[name]])
    if dice.random() < 0.5 and name != "digest":
        entry["digest"] = digest_of(entry)
    line = canonical(entry) + b"\n"
    assert line != entries[place]
    return [*entries[:place], line, *entries[place + 1 :]], {("edited", place + 1)}


def delete(dice: random.Random, entries: list[bytes]) -> tuple[list[bytes], set[tuple[str, int]]]:
    start = dice.randrange(len(entries) - 1)
    stop = dice.randrange(start + 1, len(entries))
    return entries[:start] + entries[stop:], {("deleted", start + 1)}


def swap(dice: random.Random, entries: list[bytes]) -> tuple[list[bytes], set[tuple[str, int]]]:
    one, other = sorted(dice.sample(range(len(entries)), 2))
    swapped = list(entries)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    return swapped, {("reordered", one + 1)}


def truncate(dice: random.Random, entries: list[bytes]) -> tuple[list[bytes], set[tuple[str, int]]]:
    keep = dice.randrange(len(entries))
    return entries[:keep], {("truncated", keep + 1)}


def cut_bytes(dice: random.Random, entries: list[bytes]) -> tuple[list[bytes], set[tuple[str, int]]]:
    data = b"".join(entries)
    kept = data[: dice.randrange(len(data))]
    return kept.splitlines(keepends=True), {("truncated", kept.count(b"\n") + 1)}


TAMPERS: list[Tamper] = [edit_a_byte, edit_a_field, delete, swap, truncate, cut_bytes]


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda f: f.__name__)
def test_requirement_12_every_alteration_is_named(key: OperatorKey, tamper: Tamper) -> None:
    dice = random.Random(tamper.__name__)
    entries = chain(key, 12)
    lines = lines_of(entries)
    heads = [make_head(entry, key).encoded() + b"\n" for entry in entries]
    known = known_keys()
    for _ in range(170):
        altered, expected = tamper(dice, lines)
        # Rows of a case have numbers and no ends of lines, so that only lines can be cut in the middle.
        rows = tamper in (edit_a_byte, edit_a_field, swap) and dice.random() < 0.5
        assert first(checked(altered, heads, rows=rows, known_keys=known)) in expected


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("log.jsonl", {"edited"}), ("heads.jsonl", {"forged head", "head deleted"})],
)
def test_requirement_12_any_byte_of_the_files_outside(
    outside: OutsideLog, key: OperatorKey, name: str, kinds: set[str]
) -> None:
    for number in range(6):
        outside.append(draft(number), key)
    path = outside.folder / name
    whole = path.read_bytes()
    dice = random.Random(name)
    ends = [at for at, byte in enumerate(whole) if byte == 10]
    places = [*ends, *(at - 1 for at in ends), *(dice.randrange(len(whole)) for _ in range(150))]
    for at in places:
        altered = bytearray(whole)
        altered[at] = dice.choice([byte for byte in (*range(256), *[10] * 50) if byte != whole[at]])
        path.write_bytes(altered)
        kind, seq = first(verified(outside))
        assert kind in kinds
        assert (
            abs(seq - (whole[:at].count(b"\n") + 1)) <= 1
        )  # of two lines that were joined either may be named


@settings(max_examples=100)
@given(data=st.data())
def test_whatever_the_heads_are_made_into_is_noticed(data: st.DataObject) -> None:
    key = operator_key(SMITH)
    entries = chain(key, 4)
    heads = [make_head(entry, key).encoded() for entry in entries]
    place = data.draw(st.integers(0, 3))
    at = data.draw(st.integers(0, len(heads[place]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != heads[place][at]))
    altered = bytearray(heads[place])
    altered[at] = byte
    heads[place] = bytes(altered)
    result = checked(lines_of(entries), heads, rows=True)
    assert isinstance(result, Findings)
    assert {finding.kind for finding in result.found} <= {"forged head", "head deleted"}
    assert result.first.seq == place + 1


# ---- the log outside -----------------------------------------------------------------------------------------


@pytest.fixture
def outside() -> OutsideLog:
    return OutsideLog.of_user()


def verified(outside: OutsideLog) -> Verified | Findings:
    return checked(outside.entry_lines(), outside.head_lines())


def test_the_log_outside_is_its_users_alone(outside: OutsideLog, key: OperatorKey, tmp_path: Path) -> None:
    assert (outside.entries(), verified(outside)) == ([], Verified(0, None))
    one = outside.append(draft(0), key)
    two = outside.append(draft(1), key)
    assert outside.folder == tmp_path / "audit"
    assert outside.entries() == [one, two]
    assert two["previous"] == one["digest"]
    assert verified(outside) == Verified(2, two["digest"])
    assert outside.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in outside.folder.iterdir()} == {0o600}


def test_an_entry_after_a_torn_one_begins_a_line(outside: OutsideLog, key: OperatorKey) -> None:
    outside.append(draft(0), key)
    with outside.entries_path.open("ab") as file:
        file.write(b'{"action":"sea')
    outside.append(draft(1), key)
    result = verified(outside)
    assert isinstance(result, Verified)
    assert result.notes == ("line 2 was cut off while it was written",)
    assert [entry["seq"] for entry in outside.entries()] == [1, 2]


def test_what_follows_an_altered_last_entry_does_not_hide_it(outside: OutsideLog, key: OperatorKey) -> None:
    outside.append(draft(0), key)
    outside.append(draft(1), key)
    data = outside.entries_path.read_bytes()
    outside.entries_path.write_bytes(data[:-10] + b"0" * 8 + data[-2:])
    outside.append(draft(2), key)
    assert first(verified(outside)) == ("edited", 2)


@pytest.mark.usefixtures("permissions_hold")
def test_a_log_that_cannot_be_written_to(tmp_path: Path, key: OperatorKey) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    for act in (OutsideLog(locked / "x").check_writable, lambda: OutsideLog(locked).append(draft(), key)):
        with pytest.raises(OutputError) as error:
            act()
        assert error.value.reason == (
            "the audit log outside of cases cannot be written to (Permission denied)"
        )
        assert error.value.hint == "name another folder with the variable RETROFR_AUDIT"


def _write_many(folder: str, number: int) -> None:
    own = operator_key(SMITH)
    for count in range(20):
        OutsideLog(Path(folder)).append(draft(number, details={"count": count}), own)


def test_writers_at_the_same_time_make_one_chain(outside: OutsideLog) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(outside.folder), n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    result = verified(outside)
    assert isinstance(result, Verified)
    assert result.entries == 60
