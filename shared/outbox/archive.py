"""Saves every brief as files under one folder; in the cloud the folder is a mounted bucket."""

import base64
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from shared.errors import Rejected, Unavailable
from shared.outbox.port import InlineImage
from shared.redaction import redact, redact_json_text
from shared.settings import Settings

_SAFE_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}")


class ArchiveSettings(Settings):
    """Whether and where to save what was sent."""

    save_output: bool = Field(False, description="Save every brief as files.")
    output_dir: Path = Field(Path("output"), description="The folder to save them in.")


class FileArchive:
    """Writes files whole or not at all."""

    def __init__(self, settings: ArchiveSettings) -> None:
        self._folder = settings.output_dir

    def save(self, name: str, content: bytes, images: Sequence[InlineImage] = ()) -> str:
        """
        Write `content`, without secrets, under `name` (`<folder>/<file>`), replacing an earlier file; return its path.

        The images that it shows are embedded, so that the file opens by itself.

        Raises Rejected (a name that could leave the folder), Unavailable (the disk fails).
        """
        path = self._folder.joinpath(*_parts(name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, _with_images(_without_secrets(name, content), images))
        except OSError as error:
            raise Unavailable(f"Cannot write {str(path)!r}: {error.strerror}") from error
        return str(path)


def _without_secrets(name: str, content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    return redact_json_text(text) if name.endswith(".json") else redact(text)


def _with_images(text: str, images: Sequence[InlineImage]) -> bytes:
    """Embed the images only now: in one of a hundred, a part looks like a secret, and without it none can be seen."""
    for image in images:
        data = base64.b64encode(image.png).decode()
        text = text.replace(f'src="cid:{image.content_id}"', f'src="data:image/png;base64,{data}"')
    return text.encode()


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if not all(_SAFE_PART.fullmatch(part) for part in parts):
        raise Rejected(f"{name!r} is no valid archive name; use letters, digits, `.`, `_`, `-` between slashes")
    return parts


def _write_whole(path: Path, content: bytes) -> None:
    """Write a temporary file and rename it over the target: a reader sees the old file or the new one, never half."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
