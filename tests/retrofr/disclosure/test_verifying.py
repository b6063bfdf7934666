"""A bundle that is whole is found so, by retrofr and by others; whatever is altered in it is named."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bundled import OPERATOR, Bundled, signed_anew
from retrofr.disclosure import bag
from retrofr.disclosure.contents import ALWAYS, AUDIT, RUN
from retrofr.disclosure.signing import sign_bundle
from retrofr.disclosure.verifying import Verification, verify_bundle
from retrofr.errors import IntegrityError, UsageError
from retrofr.oversight.operators import operator_key

FLIPS = 200


def altered(verification: Verification) -> tuple[str, ...]:
    return tuple(name for check in verification.checks for name in check.altered)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_requirement_29_a_bundle_conforms_to_bagit(bundled: Bundled) -> None:
    bagit = pytest.importorskip("bagit")
    found = bagit.Bag(str(bundled.bundle))
    found.validate()
    names = {path.relative_to(bundled.bundle).as_posix() for path in files(bundled.bundle)}
    assert set(found.payload_files()) == {name for name in names if name.startswith("data/")}
    assert {*ALWAYS, "data/report/report.html"} < names
    assert names - set(found.payload_files()) == {*bag.LISTED_TAGS, bag.TAG_MANIFEST, bag.SIGNATURE}
    assert found.info["Contact-Name"] == OPERATOR
    assert found.version_info == (1, 0)
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", bag.TAG_MANIFEST, bag.MANIFEST],
        cwd=bundled.bundle,
        check=False,
    )
    assert checked.returncode == 0


def test_a_bundle_as_it_was_made_holds(bundled: Bundled) -> None:
    found = verify_bundle(bundled.bundle)
    key = operator_key().public_key_hex
    digest = hashlib.sha256((bundled.bundle / bag.TAG_MANIFEST).read_bytes()).hexdigest()
    assert (found.holds, found.key, found.tag_manifest_sha256) == (True, "on this machine", digest)
    assert [check.what for check in found.checks] == ["signature", "tag files", "payload", "audit log"]
    assert found.signed is not None
    assert (found.signed.key, found.signed.operator.describe()) == (key, OPERATOR)
    assert found.notes == (f"the key is that of the operator {OPERATOR} on this machine",)
    found.require()
    assert verify_bundle(bundled.bundle, key).key == "given"


def test_requirement_10_any_flipped_byte_of_a_bundle_is_found_and_its_file_named(bundled: Bundled) -> None:
    """In 200 random places, each file among them; each is put back."""
    chance = random.Random(29)
    there = files(bundled.bundle)
    places = [*there, *chance.choices(there, k=FLIPS - len(there))]
    for path in places:
        data = path.read_bytes()
        place = chance.randrange(len(data))
        flipped = bytearray(data)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        try:
            found = verify_bundle(bundled.bundle)
        finally:
            path.write_bytes(data)
        name = path.relative_to(bundled.bundle).as_posix()
        assert altered(found) == (name,), f"byte {place} of {name}"
        with pytest.raises(IntegrityError) as caught:
            found.require()
        assert (caught.value.subject, caught.value.exit_code) == (str(path), 4)
    assert len(places) == FLIPS
    assert verify_bundle(bundled.bundle).holds


def test_every_byte_of_the_small_files_counts(bundled: Bundled) -> None:
    for name in (bag.DECLARATION, bag.SIGNATURE, bag.TAG_MANIFEST):
        path = bundled.bundle / name
        data = path.read_bytes()
        for place in range(len(data)):
            path.write_bytes(data[:place] + bytes([data[place] ^ 0x20]) + data[place + 1 :])
            try:
                assert altered(verify_bundle(bundled.bundle)) == (name,), f"byte {place}"
            finally:
                path.write_bytes(data)


def add_a_file(folder: Path) -> None:
    (folder / "data" / "more.txt").write_text("more")


def add_a_tag_file(folder: Path) -> None:
    (folder / "notes.txt").write_text("more")


def add_a_link(folder: Path) -> None:
    (folder / "data" / "link").symlink_to("/etc")


def replace_by_a_link(folder: Path) -> None:
    path = folder / RUN
    path.rename(folder.parent / "run.json")
    path.symlink_to(folder.parent / "run.json")


def take_away(folder: Path) -> None:
    (folder / AUDIT).unlink()


def take_away_signature(folder: Path) -> None:
    (folder / bag.SIGNATURE).unlink()


def take_away_declaration(folder: Path) -> None:
    (folder / bag.DECLARATION).unlink()


def make_large(folder: Path) -> None:
    with (folder / bag.INFO).open("r+b") as file:
        file.truncate(bag.LARGEST_TAG_BYTES + 1)


def lead_outside(folder: Path) -> None:
    """The manifest names a file outside of the bag, and all else is made to fit, but for the signature."""
    with (folder / bag.MANIFEST).open("a") as file:
        file.write(f"{'0' * 64}  data/../../secret\n")
    remade(folder)


def remade(folder: Path) -> None:
    tags = {name: (folder / name).read_bytes() for name in bag.LISTED_TAGS}
    (folder / bag.TAG_MANIFEST).write_bytes(bag.manifest(tags))


@pytest.mark.parametrize(
    ("harm", "name", "why"),
    [
        (add_a_file, "data/more.txt", "is not listed in the manifest: it was added"),
        (add_a_tag_file, "notes.txt", "is not listed in the manifest: it was added"),
        (add_a_link, "data/link", "has no place in a bundle"),
        (replace_by_a_link, RUN, "has no place in a bundle"),
        (take_away, AUDIT, "is missing"),
        (take_away_signature, bag.SIGNATURE, "is missing"),
        (take_away_declaration, bag.DECLARATION, "is missing"),
        (make_large, bag.INFO, "is larger than 64 MiB"),
        (lead_outside, bag.TAG_MANIFEST, "is not the one that was signed"),
    ],
)
def test_what_was_added_taken_away_or_replaced_is_named(
    bundled: Bundled, tmp_path: Path, harm: Callable[[Path], None], name: str, why: str
) -> None:
    copy = bundled.copy(tmp_path)
    harm(copy)
    found = verify_bundle(copy)
    assert altered(found) == (name,)
    assert found.checks[-1].sentence == why


def test_a_bundle_that_was_signed_anew_holds_and_the_key_tells(bundled: Bundled, tmp_path: Path) -> None:
    copy = bundled.copy(tmp_path)
    (copy / "data" / "hits.csv").write_bytes(b"nothing\r\n")
    signed_anew(copy)
    assert verify_bundle(copy).holds  # nothing in it can show that: the key must be known
    found = verify_bundle(copy, operator_key().public_key_hex)
    assert altered(found) == (bag.SIGNATURE,)
    assert "was made with the key" in found.checks[0].sentence


def test_an_audit_log_that_was_altered_before_a_new_signature_does_not_hold(
    bundled: Bundled, tmp_path: Path
) -> None:
    copy = bundled.copy(tmp_path)
    lines = (copy / AUDIT).read_bytes().split(b"\n")[:-1]
    (copy / AUDIT).write_bytes(b"".join(line + b"\n" for line in lines[:-1]))
    signed_anew(copy)
    found = verify_bundle(copy)
    assert altered(found) == (AUDIT,)
    assert found.checks[-1].sentence.startswith("does not hold: ")


def test_a_manifest_that_leads_outside_is_refused_whoever_signed(bundled: Bundled, tmp_path: Path) -> None:
    copy = bundled.copy(tmp_path)
    lead_outside(copy)
    signature = sign_bundle((copy / bag.TAG_MANIFEST).read_bytes(), operator_key())
    (copy / bag.SIGNATURE).write_bytes(signature)
    assert altered(verify_bundle(copy)) == (bag.MANIFEST,)


def test_a_key_that_is_not_here_is_said_to_be_unknown(
    bundled: Bundled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "no-keys"))
    found = verify_bundle(bundled.bundle)
    assert (found.holds, found.key) == (True, "unknown")
    assert found.notes[0].startswith("the key is not known here: whoever holds it vouches for the bundle")


def test_what_is_no_folder_is_a_matter_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        verify_bundle(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is not a folder"):
        verify_bundle(tmp_path / "file")
    assert altered(verify_bundle(tmp_path)) == (bag.DECLARATION,)


def test_the_signature_is_checked_without_retrofr(bundled: Bundled) -> None:
    """The program of docs/bundle.md."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "bundle.md").read_text(encoding="utf-8")
    program = page.split("```python\n", 1)[1].split("```", 1)[0]
    ran = subprocess.run(
        [sys.executable, "-c", program, str(bundled.bundle)], capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    fields = json.loads((bundled.bundle / bag.SIGNATURE).read_bytes())
    assert ran.stdout == f"signed by {fields['public_key']}\n"


def test_a_name_that_is_none_makes_no_bag() -> None:
    for name in ("run.json", "data/../x", "data/a b", "data//x", "/data/x", "data/.hidden"):
        with pytest.raises(ValueError, match="is no name for a file of a bag"):
            bag.tag_files({name: b""}, {})
