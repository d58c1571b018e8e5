"""The archive on a real disk."""

import base64
import json
from pathlib import Path

import pytest

from shared.errors import Rejected, Unavailable
from shared.outbox.archive import ArchiveSettings, FileArchive
from shared.outbox.port import InlineImage
from shared.redaction import redact


def archive(folder: Path) -> FileArchive:
    """An archive in `folder`."""
    return FileArchive(ArchiveSettings(save_output=True, output_dir=folder))


def test_file_is_written_whole_and_replaced(tmp_path: Path) -> None:
    """The second write replaces the first, and no half-written file is left."""
    files = archive(tmp_path / "output")

    files.save("inc-1/brief.html", b"first")
    path = files.save("inc-1/brief.html", b"second")

    assert Path(path).read_bytes() == b"second"
    assert [file.name for file in (tmp_path / "output/inc-1").iterdir()] == ["brief.html"]


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", "a/../../b", ".hidden", "a//b", "", "a\0b", "a\\b", "x" * 200]
)
def test_name_that_could_leave_the_folder_is_rejected(tmp_path: Path, name: str) -> None:
    """Only plain names between slashes are accepted."""
    with pytest.raises(Rejected):
        archive(tmp_path / "output").save(name, b"")

    assert not (tmp_path / "output").exists()


def test_unwritable_folder_is_unavailable(tmp_path: Path) -> None:
    """A disk error is Unavailable and names the file."""
    (tmp_path / "output").write_text("a file where the folder should be")

    with pytest.raises(Unavailable, match=r"brief\.txt"):
        archive(tmp_path / "output").save("inc-1/brief.txt", b"")


@pytest.mark.parametrize("name", ["inc-1/brief.html", "inc-1/brief.txt", "inc-1/incident.json"])
def test_saved_file_holds_no_secret_whatever_made_it(tmp_path: Path, name: str) -> None:
    """The last redaction is the archive's own, and JSON stays JSON."""
    content = json.dumps(
        {"line": "password=hunter2x\n", "db_password": 12345678, "n": 17, "ä": "ö"}, ensure_ascii=False
    )

    text = Path(archive(tmp_path).save(name, content.encode())).read_text("utf-8")

    assert "hunter2x" not in text
    assert "12345678" not in text
    assert not name.endswith("json") or (json.loads(text)["n"], json.loads(text)["ä"]) == (17, "ö")


def test_saved_page_holds_its_images_even_where_one_looks_like_a_secret(tmp_path: Path) -> None:
    """The file opens by itself; redaction, which takes one image in a hundred for a key, sees the page without them."""
    data = "AKIA" + "Q7R2" * 4
    image = InlineImage("chart-1@incident-copilot", base64.b64decode(data))
    page = '<p>password=hunter2x</p><img alt="cid:chart-1" src="cid:chart-1@incident-copilot">'

    text = Path(archive(tmp_path).save("inc-1/brief.html", page.encode(), (image,))).read_text("utf-8")

    assert data not in redact(f"<{data}>")
    assert f'src="data:image/png;base64,{data}"' in text
    assert 'src="cid:' not in text
    assert "hunter2x" not in text
