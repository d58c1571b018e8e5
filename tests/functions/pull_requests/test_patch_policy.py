"""What a patch may touch: paths, size, secrets, syntax."""

import pytest

from functions.file_updater.patch_diff import FileDiff
from functions.file_updater.patch_parsing import check_parses
from functions.file_updater.patch_policy import PatchPolicy
from shared.errors import Rejected
from shared.pull_request.writable_paths import Strategy


@pytest.mark.parametrize(
    ("path", "strategy"), [(".github/workflows/ci.yml", "revert"), ("setup.py", "fix"), ("config/app.yaml", "fix")]
)
def test_file_that_no_patch_may_change_is_refused_with_its_reason(path: str, strategy: Strategy) -> None:
    """Which those are stands in tests/shared/pull_request/test_writable_paths.py."""
    with pytest.raises(Rejected, match=r"is not changed automatically: .*PR_ALLOWED_PATHS"):
        PatchPolicy().check([FileDiff(path, None, "x")], strategy)


@pytest.mark.parametrize("path", ["setup.py\u200b", ".GITHUB~1/a.yml"])
def test_disguised_name_is_allowed_by_no_pattern(path: str) -> None:
    """Nobody can mean to allow what cannot be read."""
    with pytest.raises(Rejected, match="another name"):
        PatchPolicy(pr_allowed_paths=["*"]).check([FileDiff(path, None, "x")], "revert")


def test_allowed_pattern_lifts_the_protection() -> None:
    """The operator's patterns lift the protection of what they match, and of nothing else."""
    policy = PatchPolicy(pr_allowed_paths=[".github/dependabot.yml"])
    policy.check([FileDiff(".github/dependabot.yml", None, "a: 1\n")], "revert")

    with pytest.raises(Rejected):
        policy.check([FileDiff(".github/workflows/x.yml", None, "a: 1\n")], "revert")


@pytest.mark.parametrize(
    "line",
    [
        "AWS_KEY = 'AKIA" + "IOSFODNN7EXAMPLQ'",
        "password = 'Tr0ub4dor&3xyz'",
        "token: ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
        "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secret_a_patch_would_add_is_refused_and_not_shown(line: str) -> None:
    """Also one that a revert would restore; a secret already in the file is not refused."""
    with pytest.raises(Rejected, match="looks like a secret") as caught:
        PatchPolicy().check([FileDiff("app.py", "x = 1\n", f"x = 1\n{line}\n")], "revert")
    assert line.split("'")[-2 if "'" in line else -1] not in str(caught.value)

    PatchPolicy().check([FileDiff("app.py", f"{line}\nx = 1\n", f"{line}\nx = 2\n")], "revert")
    PatchPolicy().check([FileDiff("app.py", f"{line}\nx = 1\n", "x = 1\n")], "revert")


@pytest.mark.parametrize("line", ["# by ada@example.com", "CARD = '4111 1111 1111 1111'", "PHONE = '+44 20 7946 0958'"])
def test_email_addresses_and_phone_numbers_are_no_credentials(line: str) -> None:
    """They give no access, and code is full of them."""
    PatchPolicy().check([FileDiff("app.py", "x = 1\n", f"x = 1\n{line}\n")], "revert")


def test_size_is_limited_by_settings() -> None:
    """Files and lines have their own limits; both are named."""
    diffs = [FileDiff(f"f{number}.py", "a\n", "b\n") for number in range(3)]

    PatchPolicy(pr_max_files=3, pr_max_changed_lines=6).check(diffs, "revert")
    with pytest.raises(Rejected, match="PR_MAX_FILES allows 2"):
        PatchPolicy(pr_max_files=2).check(diffs, "revert")
    with pytest.raises(Rejected, match="6 lines, PR_MAX_CHANGED_LINES allows 5"):
        PatchPolicy(pr_max_changed_lines=5).check(diffs, "revert")


SYNTAX = [
    ("a.py", "x = 1\n", "x = (\n"),
    ("bom.py", "\ufeffx = 1\n", "\ufeffx = (\n"),
    ("a.py", "x = '\\d'\n", "x = 1\0\n"),
    ("a.json", "{}", "{"),
    ("a.yaml", "a: !Ref b\n---\nc: 1\n", "a: [\n"),
    ("pyproject.toml", "a = 1\n", "a = \n"),
    ("a.js", "const a = () => 1;\n", "const a = () => {;\n"),
    ("a.jsx", "const a = <b>x</b>;\n", "const a = <b>x</c;\n"),
    ("a.ts", "let a: number = <any>1;\n", "let a: = 1;\n"),
    ("a.tsx", "let a = <b x={1}/>;\n", "let a = <b x={1/>;\n"),
    ("A.java", "class A { int f() { return 1; } }\n", "class A { int f() { return 1; }\n"),
    ("a.go", "package a\n\nfunc F() int { return 1 }\n", "package a\n\nfunc F() int { return 1 \n"),
]


@pytest.mark.parametrize(("path", "good", "bad"), SYNTAX)
def test_text_that_stops_parsing_is_refused(path: str, good: str, bad: str) -> None:
    """A file that parsed must still parse; a new file must parse."""
    check_parses(path, good, good)
    for before in (good, None):
        with pytest.raises(Rejected, match="no longer parse"):
            check_parses(path, before, bad)


@pytest.mark.parametrize(("path", "good", "bad"), SYNTAX)
def test_text_that_never_parsed_is_not_checked(path: str, good: str, bad: str) -> None:
    """A template or another dialect need not start to parse; a deleted file is not checked."""
    check_parses(path, bad, bad + " ")
    check_parses(path, good, None)


def test_error_names_the_line() -> None:
    """The reader finds the place to fix."""
    with pytest.raises(Rejected, match="line 3"):
        check_parses("a.go", None, "package a\n\nfunc F( int { return 1 }\n")
