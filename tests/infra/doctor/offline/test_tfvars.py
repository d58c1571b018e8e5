"""The settings of terraform.tfvars are read as Terraform reads them."""

from pathlib import Path

import hcl2
import pytest

from infra import bundle
from infra.doctor.offline import tfvars

TEXT = r"""
notification_emails = ["ops@example.com"]
settings = {
  # a comment
  GRAFANA_HOST = "https://grafana.example.com" // why
  "PR_MODE"    = "draft",
  LOKI_SELECTOR = "{namespace=\"$namespace\", app=~\"$${service}\"}"
  EMPTY = ""
}
region = "europe-west1"
"""


def test_settings_are_read_with_their_escapes(tmp_path: Path) -> None:
    """Comments, quoted names, commas and HCL's escape of a place."""
    path = tmp_path / "terraform.tfvars"
    path.write_text(TEXT)

    assert tfvars.settings(path) == {
        "GRAFANA_HOST": "https://grafana.example.com",
        "PR_MODE": "draft",
        "LOKI_SELECTOR": '{namespace="$namespace", app=~"${service}"}',
    }


def test_example_is_read_as_a_parser_of_hcl_reads_it() -> None:
    """The example holds the names that Terraform would get."""
    path = bundle.ROOT / "infra" / "gcp" / "terraform.tfvars.example"
    with path.open() as file:
        parsed = hcl2.load(file)["settings"]  # type: ignore[attr-defined]  # python-hcl2 exports it without a type

    assert list(tfvars.settings(path)) == [name.strip('"') for name in parsed if not name.startswith("__")]


@pytest.mark.parametrize("text", ["", 'region = "x"', "settings = {}"])
def test_file_without_settings_has_none(tmp_path: Path, text: str) -> None:
    """Nothing is invented."""
    path = tmp_path / "terraform.tfvars"
    path.write_text(text)

    assert tfvars.settings(path) == {}
    assert tfvars.settings(tmp_path / "missing") == {}
