"""Whether a log is as it was written; where it is not, which entry was altered first, and how.

Three things hold a log together: the digest in each entry, the chain of them, and the signed heads. A fourth is the
other log: that outside of cases has the digest of every entry of a case. What one of them cannot tell, another can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from retrofr.oversight.findings import KIND_ORDER, Finding, Findings, Kind, Stored, Verified
from retrofr.oversight.log import FIRST, Entry, Head, parse_entry, parse_head


def verify_log(
    entries: Sequence[Stored],
    heads: Sequence[Stored],
    *,
    log: str | None = None,
    outside: Iterable[Entry] = (),
    known_keys: Mapping[str, str] | None = None,
    all_signed: bool = True,
) -> Verified | Findings:
    """Check a log.

    Args:
        entries: in the order in which they are kept; a line has its newline, if there was one.
        heads: alike.
        log: the id it must have; None where any will do, as long as it is one.
        outside: entries of the log outside of cases that tell of entries of this log.
        known_keys: public keys as hexadecimal digits by the names of their operators.
        all_signed: every entry and its head were written in one transaction; else the last entry may lack its
            head, and a line may be torn, where the power was cut.
    """
    check = _Check(entries, dict(known_keys or {}), log, all_signed)
    check.take_heads(heads)
    check.set_aside_remade()
    check.take_outside(outside)
    check.order()
    check.gaps()
    check.digests()
    check.heads_present()
    found = sorted(check.found, key=lambda finding: (finding.seq, KIND_ORDER.index(finding.kind)))
    notes = (*check.notes, *check.key_notes())
    if found:
        return Findings(len(entries), tuple(found), notes)
    return Verified(len(entries), check.last_digest(), notes)


@dataclass
class _Item:
    """A stored entry: ``seq`` is its number, where it was altered the one that it must have had."""

    place: int
    stored: Stored
    entry: Entry | None
    seq: int | None
    how: str = "was altered"

    @property
    def is_cut(self) -> bool:
        """A line without its end. One whose end was exchanged for another character is not cut."""
        return _is_cut(self.stored) and parse_entry(self.stored.data[:-1]) is None


def _is_cut(stored: Stored) -> bool:
    return stored.number is None and not stored.data.endswith(b"\n")


def _is_torn(data: bytes) -> bool:
    """Whether a loss of power may have left this of a head: it has no end, and lacks more than that."""
    ends = (data + b"}", data[:-1] + b"}", data[:-1])
    return not data.endswith(b"}") and all(parse_head(end) is None for end in ends)


@dataclass
class _Check:
    stored: Sequence[Stored]
    known_keys: dict[str, str]
    log: str | None
    all_signed: bool
    found: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    heads: dict[int, list[Head]] = field(default_factory=dict)
    outside: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parsed = [None if _is_cut(item) else parse_entry(item.data.rstrip(b"\n")) for item in self.stored]
        ids = Counter(entry["log"] for entry in parsed if entry is not None and isinstance(entry["log"], str))
        if self.log is None and ids:
            self.log = ids.most_common(1)[0][0]
        # An entry of another log is no entry of this one, however well it is made.
        own = [entry if entry is not None and entry["log"] == self.log else None for entry in parsed]
        self.items = [
            _Item(place, item, entry, None if entry is None else entry["seq"])
            for place, (item, entry) in enumerate(zip(self.stored, own, strict=True))
        ]
        self.sound = [item for item in self.items if item.entry is not None]

    def tell(self, kind: Kind, seq: int, sentence: str) -> None:
        """Note an alteration; one of a kind and entry is enough."""
        if not any((known.kind, known.seq) == (kind, seq) for known in self.found):
            self.found.append(Finding(kind, seq, sentence))

    def take_heads(self, stored: Sequence[Stored]) -> None:
        """Keep the heads that are what they say."""
        last = 0
        for place, item in enumerate(stored):
            data = item.data.rstrip(b"\n")
            head = parse_head(data)
            fault = None if head is None else self._fault(head, item.number)
            if head is not None and fault is None:
                self.heads.setdefault(head.seq, []).append(head)
                last = max(last, head.seq)
                continue
            if not self.all_signed and head is None and _is_torn(data):
                self.notes.append(f"line {place + 1} of the heads was cut off while it was written")
                continue
            seq = item.number or last + 1
            self.tell("forged head", seq, f"the head of entry {seq} {fault or 'was altered'}")

    def set_aside_remade(self) -> None:
        """An entry that fits itself and not the signed head of its number was made anew, whatever number it bears."""
        for item in self.sound:
            assert item.entry is not None
            signed = {head.digest for head in self.heads.get(item.entry["seq"], [])}
            if signed and item.entry["digest"] not in signed:
                item.entry, item.seq = None, None
                item.how = "is not the one whose head was signed"
        self.sound = [item for item in self.sound if item.entry is not None]

    def _fault(self, head: Head, number: int | None) -> str | None:
        if number is not None and number != head.seq:
            return f"is that of entry {head.seq}"
        if not head.is_signed():
            return "was altered: its signature does not fit"
        if self.log is not None and head.log != self.log:
            return "is that of another log"
        known = self.known_keys.get(head.signature.operator)
        if known is not None and known != head.signature.public_key_hex:
            return f"is signed by another key than that of {head.signature.operator}"
        return None

    def take_outside(self, entries: Iterable[Entry]) -> None:
        """Keep the digests that the log outside of cases has."""
        for entry in entries:
            told = entry["case_entry"]
            if told is not None and entry["case"] == self.log and type(told.get("seq")) is int:
                digests = self.outside.setdefault(told["seq"], [])
                digests += [] if told.get("digest") in digests else [str(told.get("digest"))]

    def order(self) -> None:
        """The numbers rise; a number that comes twice, or out of its place, is told."""
        numbers = [item.entry["seq"] for item in self.sound if item.entry is not None]
        twice = [number for number, count in Counter(numbers).items() if count > 1]
        for number in twice:
            self.tell("inserted", number, f"there are two entries with the number {number}")
        if twice:
            return
        for number, in_order in zip(numbers, sorted(numbers), strict=True):
            if number != in_order:
                self.tell("reordered", in_order, f"entry {in_order} stands behind entry {number}")
                break
        else:
            for item in self.sound:
                if item.stored.number not in (None, item.seq):
                    row = item.stored.number
                    self.tell("reordered", item.seq or 1, f"entry {item.seq} stands under the number {row}")

    def gaps(self) -> None:
        """Say of every number without a whole entry whether it was altered, or is missing, and where."""
        there = {item.seq for item in self.sound if item.seq is not None}
        promised = max((*self.heads, *self.outside), default=0)
        rows = {item.stored.number for item in self.items if item.stored.number is not None}
        missing = set(range(1, max(promised, *there, *rows, 0) + 1)) - there
        for item in self.items:
            if item.entry is None:
                self._place_altered(item, missing)
        last = max((item.seq for item in self.items if item.seq is not None), default=0)
        at_the_end = sorted(number for number in missing if number > last)
        for number in sorted(missing - set(at_the_end)):
            self.tell("deleted", number, f"entry {number} is missing")
        if at_the_end:
            source = "a signed head" if at_the_end[-1] in self.heads else "the log outside of the case"
            self.tell(
                "truncated",
                at_the_end[0],
                f"the log ends before entry {at_the_end[0]}, and {source} tells of entry {at_the_end[-1]}",
            )

    def _place_altered(self, item: _Item, missing: set[int]) -> None:
        """Which number an altered entry must have had; it is told as edited, cut off, or never written here."""
        number = item.stored.number
        if number is None:
            number = max((i.seq for i in self.items[: item.place] if i.seq is not None), default=0) + 1
        is_last = item.place == len(self.items) - 1
        if item.is_cut:
            if number not in missing:
                self.notes.append(f"line {item.place + 1} was cut off while it was written")
        elif number in missing or is_last:
            item.seq = number
            missing.discard(number)
            self.tell("edited", number, f"entry {number} {item.how}")
        elif item.stored.number is not None or item.stored.data.rstrip(b"\n").endswith(b"}"):
            self.tell("inserted", number, f"what stands before entry {number} is no entry of this log")
        else:
            self.notes.append(f"line {item.place + 1} was cut off while it was written")

    def digests(self) -> None:
        """Every whole entry is the one that its head and the outside log tell of, and follows the one before."""
        proven: dict[int, bool] = {}
        for item in self.sound:
            entry = item.entry
            assert entry is not None
            seq, digest = entry["seq"], entry["digest"]
            signed = {head.digest for head in self.heads.get(seq, [])}
            told = self.outside.get(seq, [])
            if signed and signed != {digest}:
                self.tell("edited", seq, f"two entries with the number {seq} were signed")
            elif told and told != [digest]:
                what = "another entry" if digest not in told else "two entries"
                self.tell(
                    "rewritten", seq, f"the log outside of the case tells of {what} under the number {seq}"
                )
            proven[seq] = bool(signed) or bool(told)
        self._links(proven)

    def _links(self, proven: Mapping[int, bool]) -> None:
        by_number = {item.seq: item.entry for item in self.sound}
        for seq, entry in sorted((s, e) for s, e in by_number.items() if s is not None and e is not None):
            before = by_number.get(seq - 1)
            expected = FIRST if seq == 1 else None if before is None else before["digest"]
            if expected is None or entry["previous"] == expected:
                continue
            # One of the two was made anew: the one that nothing else speaks for.
            guilty = seq if seq == 1 or (proven[seq - 1] and not proven[seq]) else seq - 1
            if not any(known.seq in (seq, seq - 1) for known in self.found):
                self.tell("edited", guilty, f"entry {guilty} was replaced: entry {seq} follows another one")

    def heads_present(self) -> None:
        """Every entry that was to be signed has its head."""
        for item in self.sound:
            entry = item.entry
            assert entry is not None
            key = entry["operator"].get("key")
            own = self.heads.get(entry["seq"], [])
            if key is not None and any(head.signature.public_key_hex != key for head in own):
                seq = entry["seq"]
                self.tell(
                    "forged head", seq, f"the head of entry {seq} is signed by another key than it names"
                )
            if key is None or own or any(known.seq == entry["seq"] for known in self.found):
                continue
            if item is self.sound[-1] and not self.all_signed:
                self.notes.append(f"the head of entry {entry['seq']}, the last one, was not written")
            elif self.all_signed or not any(seq > entry["seq"] for seq in self.heads):
                self.tell("head deleted", entry["seq"], f"the signed head of entry {entry['seq']} is missing")

    def key_notes(self) -> list[str]:
        """Which keys signed that are not on this machine: whose they are must be asked elsewhere."""
        signed = {head.signature.public_key_hex for heads in self.heads.values() for head in heads}
        return [
            f"signed with the key {key}, which is not on this machine: ask its operator for the public key"
            for key in sorted(signed - set(self.known_keys.values()))
        ]

    def last_digest(self) -> str | None:
        """Of the last entry."""
        entry = self.sound[-1].entry if self.sound else None
        return None if entry is None else str(entry["digest"])
