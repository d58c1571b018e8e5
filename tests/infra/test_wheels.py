"""What a function's build installs: every package by version and hash, so that no index and no cache decides it."""

import re
from dataclasses import replace

import pytest
from packaging.utils import canonicalize_name

from infra import bundle, requirements, wheels
from infra.wheels import Package


def test_versions_are_those_of_the_constraints() -> None:
    """Functions run what laptops and tests run."""
    pinned = dict(line.split("==") for line in bundle.CONSTRAINTS.read_text().splitlines() if "==" in line)
    pinned = {str(canonicalize_name(name)): version for name, version in pinned.items()}

    hashed = wheels.packages()
    assert {name: package.version for name, package in hashed.items()} == {name: pinned[name] for name in hashed}, (
        "Remedy: `python -m infra.wheels`"
    )


@pytest.mark.parametrize("name", bundle.names())
def test_every_line_is_pinned_and_hashed(name: str) -> None:
    """pip's hash mode takes no other, and a build's cache is kept by exactly this text."""
    first, *lines = requirements.path(name).read_text().splitlines()

    assert first == "--require-hashes"
    assert len(lines) > 20
    assert all(re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+( --hash=sha256:[0-9a-f]{64})+", line) for line in lines)
    assert len({line.split("==")[0] for line in lines}) == len(lines)


def package(name: str, *requires: str) -> Package:
    """A package at version 1."""
    return Package(name, "1", requires, ("a" * 64,))


def test_what_a_package_requires_is_installed_with_it() -> None:
    """Also by an extra that is asked for, as pip checks it; not for another system, nor by an extra nobody asks for."""
    hashed = {
        each.name: each
        for each in (
            package("app", "lib[fast]>=1", 'win ; sys_platform == "win32"', 'dev ; extra == "dev"'),
            package("lib", "base", 'speed ; extra == "fast"', 'slow ; extra == "slow"'),
            *map(package, ("base", "speed", "slow", "win", "dev")),
        )
    }

    names = [each.line().split("==")[0] for each in wheels.closure(["app"], hashed)]

    assert names == ["app", "base", "lib", "lib[fast]", "speed"]


def test_package_without_hashes_is_named_with_the_remedy() -> None:
    """A new library cannot be deployed unchecked."""
    with pytest.raises(
        KeyError, match=r"new-lib: infra/wheels\.json has no hashes of it; run `python -m infra.wheels`"
    ):
        wheels.closure(["New_Lib"], {})


def test_new_hash_is_a_new_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed is part of what is deployed: another file of a package redeploys who uses it, and no other."""
    hashed = wheels.packages()
    changed = {**hashed, "mrml": replace(hashed["mrml"], sha256=("b" * 64,))}
    before = {name: requirements.text(name) for name in ("post_process", "rca")}
    monkeypatch.setattr(wheels, "packages", lambda: changed)

    assert [name for name in before if requirements.text(name) != before[name]] == ["post_process"]
