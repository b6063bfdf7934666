"""Labelled photos are read as they are labelled, and mistakes in labels are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from labelled import colour_of, draw_photo, photo_folder

from retrofr.errors import ExhibitError, UsageError
from retrofr.evaluation.labels import excluded_pairs, not_in_material, read_exclusions, read_groups
from retrofr.evaluation.material import LeftOut, PhotoMaterial, read_photos


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return photo_folder(tmp_path / "photos")


def index(folder: Path, text: str, name: str = "index.tsv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_folder_for_each_person(folder: Path) -> None:
    material = read_photos(folder)
    assert material.source == "a folder for each person"
    assert material.names == ("p0", "p1", "p2", "p3")
    assert [photo.name for photo in material.photos][:4] == ["p0/0.png", "p0/1.png", "p0/2.png", "p1/0.png"]
    assert material.people.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert material.left_out == ()


@pytest.mark.parametrize(("name", "separator"), [("index.tsv", "\t"), ("index.csv", ",")])
def test_an_index_says_whose_photos_are(folder: Path, name: str, separator: str) -> None:
    rows = [
        ("file", "note", "identity"),
        ("p1/0.png", "", "anna"),
        ("p0/0.png", "x", "ben"),
        ("p1/1.png", "", "anna"),
    ]
    index(folder, "\ufeff" + "\n".join(separator.join(row) for row in rows) + "\n\n", name)
    material = read_photos(folder)
    assert material.source == name
    assert [(p.name, p.person) for p in material.photos] == [
        ("p1/0.png", "anna"),
        ("p1/1.png", "anna"),
        ("p0/0.png", "ben"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\tname\np0/0.png\ta\n", "index.tsv, line 1: has no column identity"),
        ("", "index.tsv, line 1: has no column file or identity"),
        ("file\tidentity\np0/0.png\n", "index.tsv, line 2: has 1 values for 2 columns"),
        ("file\tidentity\n\np0/0.png\t\n", "index.tsv, line 3: names no identity"),
        ("file\tidentity\n\ta\n", "index.tsv, line 2: names no file"),
        ("file\tidentity\np0/9.png\ta\n", "index.tsv, line 2: there is no file p0/9.png"),
        ("file\tidentity\n../x.png\ta\n", "index.tsv, line 2: ../x.png lies outside of the folder"),
        (
            "file\tidentity\np0/0.png\ta\np1/0.png\tb\np0/0.png\tb\n",
            "index.tsv, line 4: p0/0.png is listed in line 2 already as a, and here as b",
        ),
        (
            "file\tidentity\np0/0.png\ta\np0/0.png\ta\n",
            "index.tsv, line 3: p0/0.png is listed in line 2 already",
        ),
        (
            "file\tidentity\np0/0.png\ta\n",
            "holds photos of one person, a, and error rates need at least two people",
        ),
    ],
)
def test_mistakes_of_an_index_name_file_and_line(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_photos(index(folder, text))
    assert str(caught.value).split("\n")[0].endswith(message)


def test_two_index_files_are_refused(folder: Path) -> None:
    index(index(folder, "file\tidentity\n"), "file,identity\n", "index.csv")
    with pytest.raises(UsageError, match=r"holds index\.tsv and index\.csv, which may not agree"):
        read_photos(folder)


def test_one_picture_under_two_names_is_an_error(folder: Path) -> None:
    (folder / "p3" / "stranger.png").write_bytes((folder / "p0" / "1.png").read_bytes())
    with pytest.raises(UsageError) as caught:
        read_photos(folder)
    assert "is the same picture as p0/1.png, and labelled as another person (p3, not p0)" in str(caught.value)


def test_one_picture_twice_counts_once(folder: Path) -> None:
    (folder / "p0" / "copy.png").write_bytes((folder / "p0" / "1.png").read_bytes())
    material = read_photos(folder)
    assert len(material.photos) == 12
    assert material.left_out == (LeftOut("p0/copy.png", "the same picture as p0/1.png"),)


def test_other_files_are_told_and_hidden_ones_are_not(folder: Path) -> None:
    for name in ("README.txt", ".hidden", "p0/notes.txt", "p0/Thumbs.db"):
        (folder / name).write_text("x")
    left_out = {each.subject: each.reason for each in read_photos(folder).left_out}
    assert left_out == dict.fromkeys(("README.txt", "p0/notes.txt"), "not a picture, by its name")


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("loose.png", UsageError, "lies in no person's folder, so nobody knows whose it is"),
        ("p0/more/a.png", UsageError, "is a folder inside a person's folder"),
    ],
)
def test_photos_that_lie_elsewhere(folder: Path, path: str, kind: type[Exception], message: str) -> None:
    draw_photo(folder / path, colour_of(0, 9))
    with pytest.raises(kind, match=message):
        read_photos(folder)


def test_folders_without_photos(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        read_photos(tmp_path / "gone")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is not a folder"):
        read_photos(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExhibitError, match="no photo is in it"):
        read_photos(tmp_path / "empty")


@pytest.fixture
def material(folder: Path) -> PhotoMaterial:
    return read_photos(folder)


def test_exclusions_are_of_pairs_of_people(tmp_path: Path, material: PhotoMaterial) -> None:
    path = tmp_path / "out.toml"
    path.write_text(
        '[[pair]]\npeople = ["p0", "p2"]\nreason = "one person"\n[[pair]]\npeople = ["p1", 9]\nreason = "r"\n'
    )
    exclusions = read_exclusions(path)
    assert [each.people for each in exclusions] == [("p0", "p2"), ("p1", "9")]
    out = excluded_pairs(material, exclusions)
    assert out.sum() == 2 * 3 * 3
    assert out[:3, 6:9].all()
    assert out[6:9, :3].all()
    assert not_in_material(material, exclusions) == ("9",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pair = [", "is not a TOML file"),
        ('people = ["a"]', "expected [[pair]] entries and nothing else"),
        ('[[pair]]\npeople = ["a"]\nreason = "r"', "pair 1: expected people = [ONE, OTHER]"),
        ('[[pair]]\npeople = ["a", "a"]\nreason = "r"', "pair 1: expected people = [ONE, OTHER]"),
        ('[[pair]]\npeople = ["a", "b"]', "pair 1: has no reason, and nothing is left out without one"),
    ],
)
def test_mistakes_of_exclusions(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "out.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_exclusions(tmp_path / "out.toml")
    assert message in str(caught.value)


def test_groups_are_those_that_the_user_holds(tmp_path: Path, material: PhotoMaterial) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("identity,group\np0,x\np3,y\n")
    groups = read_groups(path, material.names)
    assert groups.numbered(material.names) == {0: "x", 3: "y"}
    assert groups.numbered(("p3", "p1")) == {0: "y"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("identity,group\np9,x\n", "groups.csv, line 2: there is nobody called p9 in the material"),
        ("identity,group\np0,x\np0,y\n", "groups.csv, line 3: p0 is listed twice"),
        ("identity,group\np0,\n", "groups.csv, line 2: names no group"),
        ("identity,group\n", "groups.csv: puts nobody in a group"),
        ("name,group\n", "groups.csv, line 1: has no column identity"),
    ],
)
def test_mistakes_of_groups(tmp_path: Path, material: PhotoMaterial, text: str, message: str) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_groups(tmp_path / "groups.csv", material.names)
    assert str(caught.value).split("\n")[0].endswith(message)
