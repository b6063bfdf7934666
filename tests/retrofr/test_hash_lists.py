"""Hash lists as they come with evidence: every format, every encoding, and which line is about which file."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrofr.errors import UsageError
from retrofr.hash_lists import Expected, HashList, read_hash_lists

MD5, SHA1, SHA256, SHA512 = (
    hashlib.new(name, b"cam1").hexdigest() for name in ("md5", "sha1", "sha256", "sha512")
)
OTHER = hashlib.md5(b"another").hexdigest()
BYTES = " ".join(MD5[i : i + 2] for i in range(0, 32, 2))

FORMATS = {
    "md5sum": f"{MD5}  cam1.mp4\n{OTHER}  cam2.mp4\n",
    "md5sum-binary": f"{MD5} *cam1.mp4\n",
    "sha1sum": f"{SHA1}  ./cam1.mp4\n",
    "sha256sum": f"{SHA256}  export/cam1.mp4\n",
    "sha512sum": f"{SHA512}  cam1.mp4\n",
    "one blank or a tab": f"{MD5} cam2.mp4\n{SHA1}\tcam1.mp4\n",
    "capitals": f"{MD5.upper()}  CAM1.MP4\n",
    "comments": f"; made by a tool\n# by hand\n// or\n\n{MD5} *cam1.mp4\n",
    "bsd": f"SHA256 (cam1.mp4) = {SHA256}\nMD5 (cam2.mp4) = {OTHER}\n",
    "openssl": f"SHA2-256(cam1.mp4)= {SHA256}\n",
    "hashdeep": "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: E:\\\n"
    f"## $ hashdeep -r\n##\n4,{OTHER},{SHA256},E:\\a,b\\cam1.mp4\n",
    "csv": f"file,sha256\ncam1.mp4,{SHA256}\n",
    "csv-semicolons": f'"Name";"Hash (MD5)"\n"cam1.mp4";"{MD5}"\n'.replace("Hash (MD5)", "MD5 Hash"),
    "tsv": f"SHA-1\tSize\tPath\n{SHA1}\t4\tcams\\cam1.mp4\n",
    "ftk-file-list": f'MD5,SHA1,FileNames\n"{MD5}","{SHA1}","img.E01\\Partition 1\\root\\cam1.mp4"\n',
    "x-ways": f"Name\tPath\tHash\ncam1.mp4\t\\export\t{MD5}\n",
    "powershell-csv": '#TYPE Microsoft.PowerShell.Commands.FileHashInfo\n"Algorithm","Hash","Path"\n'
    f'"SHA256","{SHA256.upper()}","E:\\export\\cam1.mp4"\n',
    "powershell-list": f"\nAlgorithm : SHA256\nHash      : {SHA256.upper()}\nPath      : E:\\export\\cam1.mp4\n\n"
    f"Algorithm : MD5\nHash      : {OTHER}\nPath      : E:\\export\\cam2.mp4\n",
    "powershell-table": f"\nAlgorithm       Hash                          Path\n---------       ----          ----\n"
    f"SHA256          {SHA256.upper()}       E:\\export\\cam1.mp4\n",
    "certutil": f"MD5 hash of cam1.mp4:\n{MD5}\nCertUtil: -hashfile command completed successfully.\n",
    "certutil-old": f"MD5 hash of file cam1.mp4:\n{BYTES}\nCertUtil: -hashfile command completed successfully.\n",
    "ftk-report": "Created By AccessData FTK Imager\n\nInformation for F:\\case\\cam1.mp4:\n\n[Computed Hashes]\n"
    f" MD5 checksum:    {MD5}\n SHA1 checksum:   {SHA1}\n\nImage Verification Results:\n"
    f" MD5 checksum:    {MD5} : verified\n",
    "report": f"File: cam1.mp4\nSize: 4\nSHA-256: {SHA256}\n",
}


def write(folder: Path, content: str | bytes, name: str = "hashes.txt") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def look_up(folder: Path, content: str | bytes, name: str = "cam1.mp4") -> Expected | None:
    return read_hash_lists([write(folder, content)]).expected(folder / name, name)


def refusal(folder: Path, content: str | bytes, name: str = "hashes.txt") -> str:
    with pytest.raises(UsageError) as caught:
        read_hash_lists([write(folder, content, name)])
    return str(caught.value).split("\n")[0]


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS)
def test_formats(tmp_path: Path, content: str) -> None:
    found = look_up(tmp_path, content)
    assert found is not None
    assert found.digest == {"md5": MD5, "sha1": SHA1, "sha256": SHA256, "sha512": SHA512}[found.algorithm]
    assert found.list_name == "hashes.txt"
    assert found.digest in content.splitlines()[found.line - 1].lower().replace(" ", "").replace("\t", "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("form", ["md5sum", "csv", "powershell-list", "hashdeep"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str, form: str) -> None:
    content = FORMATS[form].replace("\n", end).replace("cam1", "küche").encode(encoding)
    assert look_up(tmp_path, content, "küche.mp4") is not None


def test_the_strongest_of_several_digests_is_taken(tmp_path: Path) -> None:
    found = look_up(tmp_path, f"MD5,SHA256,SHA1,file\n{MD5},{SHA256},{SHA1},cam1.mp4\n")
    assert found == Expected("sha256", SHA256, 2, "hashes.txt", "cam1.mp4")


@pytest.mark.skipif(shutil.which("md5sum") is None, reason="needs md5sum")
@pytest.mark.parametrize(
    "name", ["plain.mp4", "two\nlines.mp4", "back\\slash.mp4", " blank.mp4", "*star.mp4"]
)
def test_names_come_back_from_md5sum_itself(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"cam1")
    text = subprocess.run(["md5sum", "--", name], cwd=tmp_path, capture_output=True, check=True).stdout
    (entry,) = read_hash_lists([write(tmp_path, text)]).entries
    assert (entry.name, entry.digest) == (name, MD5)


def test_a_name_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    name = b"cam\xff.mp4".decode("utf-8", "surrogateescape")
    assert look_up(tmp_path, MD5.encode() + b"  cam\xff.mp4\n", name) is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "hashes.txt: holds no digest"),
        ("just words\n", "hashes.txt, line 1: cannot be understood: 'just words'"),
        (f"{MD5}  cam1.mp4\nand then words\n", "hashes.txt, line 2: cannot be understood: 'and then words'"),
        (
            f"{MD5[:-1]}  cam1.mp4",
            "hashes.txt, line 1: cannot be understood: " + repr(f"{MD5[:-1]}  cam1.mp4"),
        ),
        (
            f"{SHA1}abcd  cam1.mp4",
            "hashes.txt, line 1: a digest of 44 digits is no MD5, SHA-1, SHA-256 or SHA-512",
        ),
        (f"file,md5\ncam1.mp4,{MD5},1\n", "hashes.txt, line 2: has 3 cells, and the header has 2"),
        ("file,md5\ncam1.mp4,none\n", "hashes.txt, line 2: cannot be understood: 'cam1.mp4,none'"),
        (
            f"%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n{MD5},a.mp4\n",
            "hashes.txt, line 3: does not have the columns size,md5,filename",
        ),
        (
            f"{MD5}  cam1.mp4\n{OTHER}  cam1.mp4\n",
            "hashes.txt, line 2: gives cam1.mp4 another md5 than hashes.txt, line 1",
        ),
    ],
)
def test_refusals_name_list_and_line(tmp_path: Path, content: str, message: str) -> None:
    assert refusal(tmp_path, content) == message


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.md5: cannot be read \(No such file or directory\)"):
        read_hash_lists([tmp_path / "gone.md5"])


@pytest.mark.parametrize("name", ["cam1.mp4.md5", "cam1.md5"])
def test_a_digest_alone_is_that_of_the_file_beside_it(tmp_path: Path, name: str) -> None:
    write(tmp_path, b"cam1", "cam1.mp4")
    hashes = read_hash_lists([write(tmp_path, f"{MD5}\n", name)])
    assert hashes.expected(tmp_path / "cam1.mp4", "cam1.mp4") == Expected("md5", MD5, 1, name, "cam1.mp4")


def test_a_digest_alone_beside_nothing_or_two_files_is_refused(tmp_path: Path) -> None:
    nothing = "cam1.md5: does not say which file its digest is of, and no file beside it has its name"
    assert refusal(tmp_path, MD5, "cam1.md5") == nothing
    write(tmp_path, b"", "cam1.mp4")
    write(tmp_path, b"", "cam1.avi")
    two = "cam1.md5: does not say which file its digest is of, and there are cam1.avi, cam1.mp4"
    assert refusal(tmp_path, MD5, "cam1.md5") == two


def test_a_folder_gives_all_its_lists(tmp_path: Path) -> None:
    """Names of one list are of its own folder: the same name in two folders is two files."""
    write(tmp_path, f"{MD5}  0001.mp4\n", "cam1/MD5SUMS")
    write(tmp_path, f"{OTHER}  0001.mp4\n", "cam2/list.md5")
    write(tmp_path, "not a list", "cam2/readme.txt")
    hashes = read_hash_lists([tmp_path])
    one, two = tmp_path / "cam1" / "0001.mp4", tmp_path / "cam2" / "0001.mp4"
    found = hashes.assigned({one: "cam1/0001.mp4", two: "cam2/0001.mp4"})
    assert (found[one].digest, found[one].list_name) == (MD5, "cam1/MD5SUMS")
    assert (found[two].digest, found[two].list_name) == (OTHER, "cam2/list.md5")


def test_a_folder_without_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no hash list"):
        read_hash_lists([tmp_path])


@pytest.mark.parametrize(
    "listed",
    ["E:\\DVR\\Export\\cam1\\a.mp4", "/mnt/usb/CAM1/A.MP4", "cam1/a.mp4", "\\\\nas\\share\\cam1\\a.mp4"],
)
def test_folders_of_another_machine_decide_between_namesakes(tmp_path: Path, listed: str) -> None:
    one, two = tmp_path / "cam1" / "a.mp4", tmp_path / "cam2" / "a.mp4"
    hashes = read_hash_lists([write(tmp_path, f"{MD5}  {listed}\n")])
    assert list(hashes.assigned({one: "cam1/a.mp4", two: "cam2/a.mp4"})) == [one]


def test_a_line_that_fits_two_files_is_refused(tmp_path: Path) -> None:
    hashes = read_hash_lists([write(tmp_path, f"{MD5}  E:\\a.mp4\n")])
    with pytest.raises(UsageError) as caught:
        hashes.assigned({tmp_path / cam / "a.mp4": f"{cam}/a.mp4" for cam in ("cam1", "cam2")})
    assert str(caught.value).startswith("hashes.txt, line 1: fits two files: cam1/a.mp4 and cam2/a.mp4\n")


def test_a_file_that_two_lines_fit_is_refused_unless_they_agree(tmp_path: Path) -> None:
    lines = f"{MD5}  E:\\x\\a.mp4\n{OTHER}  E:\\y\\a.mp4\n"
    hashes = read_hash_lists([write(tmp_path, lines)])
    with pytest.raises(UsageError) as caught:
        hashes.expected(tmp_path / "a.mp4", "a.mp4")
    assert str(caught.value).startswith(
        "a.mp4: is listed with different digests: hashes.txt, line 1 and hashes.txt, line 2\n"
    )
    agreeing = read_hash_lists([write(tmp_path, lines.replace(OTHER, MD5))])
    assert agreeing.expected(tmp_path / "a.mp4", "a.mp4") is not None


def test_the_same_case_wins_where_both_are_there(tmp_path: Path) -> None:
    hashes = read_hash_lists([write(tmp_path, f"{MD5}  A.mp4\n{OTHER}  a.mp4\n")])
    found = hashes.assigned({tmp_path / "A.mp4": "A.mp4", tmp_path / "a.mp4": "a.mp4"})
    assert [found[tmp_path / name].digest for name in ("A.mp4", "a.mp4")] == [MD5, OTHER]


def test_accents_may_be_encoded_either_way(tmp_path: Path) -> None:
    assert look_up(tmp_path, f"{MD5}  ku\u0308che.mp4\n", "k\u00fcche.mp4") is not None


def test_what_is_listed_and_not_in_the_footage(tmp_path: Path) -> None:
    hashes = read_hash_lists([write(tmp_path, f"{MD5}  cam1.mp4\n{OTHER}  cam2.mp4\n")])
    used = hashes.assigned({tmp_path / "cam1.mp4": "cam1.mp4"})
    assert [entry.name for entry in hashes.unused(used.values())] == ["cam2.mp4"]
    assert hashes.expected(tmp_path / "cam3.mp4", "cam3.mp4") is None


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=1, unique=True))
def test_any_bytes_give_entries_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    try:
        hashes = read_hash_lists([write(folder, "\n".join(lines))])
    except UsageError:
        return
    assert isinstance(hashes, HashList)


def test_a_long_list_is_read_and_assigned_in_moments(tmp_path: Path) -> None:
    """20,000 files that all have the digest of their number: no step may compare each with each."""
    names = [f"day{n // 500:03}/cam{n:05}.mp4" for n in range(20_000)]
    text = "".join(f"{hashlib.md5(name.encode()).hexdigest()}  {name}\n" for name in names)
    hashes = read_hash_lists([write(tmp_path, text)])
    found = hashes.assigned({tmp_path / name: name for name in names})
    assert [found[tmp_path / name].line for name in names] == list(range(1, 20_001))
