"""What is computed is fresh: requirements, grants, schemas, .env.example. `make generate` rewrites it."""

import pytest
import yaml

from infra import bundle, grants, requirements, schemas

LAW = "Law: what is computed is fresh. {} is not. Remedy: `make generate`, and commit what it rewrote"


@pytest.mark.parametrize("name", bundle.names())
def test_requirements_are_what_the_bundle_imports(name: str) -> None:
    """Nothing missing, nothing superfluous."""
    assert requirements.path(name).read_text() == requirements.text(name), LAW.format(requirements.path(name))


def test_requirements_of_all_functions_are_fresh() -> None:
    """One virtual environment can serve every function."""
    assert requirements.ALL.read_text() == requirements.all_text(), LAW.format(requirements.ALL)


@pytest.mark.parametrize("name", bundle.names())
def test_grants_are_what_the_bundle_reads(name: str) -> None:
    """A function is granted exactly the variables and secrets its bundle has settings for."""
    manifest = yaml.safe_load(grants.path(name).read_text())

    assert grants.Grant(manifest["settings"], manifest["secrets"]) == grants.granted(name), LAW.format(
        grants.path(name)
    )


def test_schemas_are_fresh() -> None:
    """workflows/schemas holds exactly the schemas of the contracts as they are."""
    written = {path: path.read_text() for path in schemas.SCHEMAS.glob("*.json")}

    assert written == schemas.schemas(), LAW.format(schemas.SCHEMAS)


def test_env_example_is_fresh() -> None:
    """.env.example names every variable the system reads."""
    assert schemas.ENV_EXAMPLE.read_text() == schemas.env_example(), LAW.format(schemas.ENV_EXAMPLE)


def test_copy_of_env_example_changes_nothing() -> None:
    """Every default is a comment: a default of the cloud must not override the laptop's own."""
    active = [line for line in schemas.env_example().splitlines() if line and not line.startswith("#")]

    assert active
    assert [line for line in active if not line.endswith("=")] == []


def test_every_requirement_has_one_version() -> None:
    """Each distribution a function needs is pinned in infra/constraints.txt."""
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in bundle.CONSTRAINTS.read_text().splitlines()
        if "==" in line
    }
    needed = {name.lower().replace("_", "-") for name in requirements.DISTRIBUTIONS.values()}

    assert needed <= pinned
