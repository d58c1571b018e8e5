"""Which files a pull request may change: each kind that a tool runs by itself is denied, under any spelling."""

# ruff: noqa: RUF001  look-alikes are what is tried

import re

import pytest

from infra import bundle
from shared.pull_request.writable_paths import CONTENT as CONTENT_SUFFIXES
from shared.pull_request.writable_paths import SOURCE as SOURCE_SUFFIXES
from shared.pull_request.writable_paths import denial


def rows(text: str) -> list[str]:
    """Return one path for each word; `(at)` keeps them from looking like addresses of people."""
    return text.replace("(at)", "@").split()


RUN_BY_TOOLS = rows("""
    setup.py setup.cfg pyproject.toml tox.ini pytest.ini conftest.py tests/conftest.py noxfile.py fabfile.py dodo.py
    tasks.py sitecustomize.py gunicorn.conf.py docs/conf.py requirements.txt requirements-dev.in constraints.txt
    Pipfile environment.yml meson.build SConstruct package.json tsconfig.json webpack.config.js vite.config.ts
    jest.config.cjs babel.config.json gulpfile.js Gruntfile.js pnpm-workspace.yaml lerna.json .eslintrc.js .babelrc
    pom.xml build.xml build.gradle settings.gradle.kts gradlew gradle/wrapper/gradle-wrapper.properties mvnw
    .mvn/extensions.xml build.sbt build.sc Shop.csproj Shop.sln Directory.Build.props Directory.Build.targets
    nuget.config go.mod go.sum go.work magefile.go Cargo.toml build.rs rust-toolchain.toml .cargo/config.toml
    Gemfile shop.gemspec Rakefile lib/tasks/db.rake composer.json phpunit.xml artisan Package.swift Podfile mix.exs
    rebar.config project.clj deps.edn stack.yaml Setup.hs Makefile GNUmakefile rules.mk justfile Taskfile.yml
    CMakeLists.txt find.cmake configure BUILD.bazel defs.bzl Dockerfile Dockerfile.prod docker-compose.yml
    compose.yaml Containerfile Vagrantfile Procfile main.tf prod.tfvars Chart.yaml values-prod.yaml
    kustomization.yaml skaffold.yaml serverless.yml app.yaml template.yaml Jenkinsfile azure-pipelines.yml
    .github/workflows/ci.yml .gitlab-ci.yml .circleci/config.yml cloudbuild.yaml buildspec.yml
    .pre-commit-config.yaml lefthook.yml .husky/pre-commit .vscode/tasks.json .idea/workspace.xml
    .devcontainer/devcontainer.json shop.code-workspace CODEOWNERS renovate.json run.sh bin/deploy deploy/rollout.py
    hooks/post.py ci/steps.py entrypoint.bash tools.ps1 run.bat poetry.lock package-lock.json .env prod.env
    keys/server.pem secrets.yaml app/credentials.json infra/prod.tfstate vendor/lib/a.go
    node_modules/left-pad/index.js a.exs plugin.jar native.so config/deploy.rb deploy.php infra/deploy.py
    docker/docker-entrypoint.py conanfile.py pdm_build.py Package(at)swift-5.9.swift deps/build.jl renv/activate.R
    gulpfile.babel.js gulpfile.js/index.js gatsby-node.js ember-cli-build.js config-overrides.js knexfile.js
    project/Dependencies.scala xmake.lua premake5.lua build/Build.cs xtask/src/main.rs scripts/release.py
    githooks/pre.py requirements/base.txt dev-requirements.txt backend/gradle/libs.versions.toml pubspec.yaml
    uv.toml vcpkg.json main.tf.json ansible.cfg appspec.yml firebase.json project.toml fly.production.toml
    waf wscript_build.py bootstrap-buildout.py buildout.cfg Build.hs Shakefile.hs build.ml Emakefile.erl docs/make.jl
    configure.R tools/release.py hack/update.go gulp/styles.js cmake/find.py infra/cookbooks/shop/default.rb
    config/deploy/production.rb lib/capistrano/restart.rb lib/tasks/seed.rb lib/mix/tasks/seed.ex
    services/shop/deploy/deployment.yaml action.yml mise.toml CMakePresets.json AGENTS.md tool-settings.json
""")
TRICKS = [
    "CONFTEST.PY",
    "Setup.Py",
    "conftest.py.",
    "conftest.py ",
    " conftest.py",
    "conftest.py. .",
    "conftest .py\u200b",
    "conf\u200btest.py",
    "conf\u00adtest.py",
    "conftest\u2060.py",
    "\ufeffconftest.py",
    "conftest.py\u202e",
    "\u202eyp.tsetfnoc",
    "ｃonftest.py",
    "ｃｏｎｆｔｅｓｔ．ｐｙ",
    "сonftest.py",
    "conftеst.py",
    "соnftest.рy",
    "cοnftest.py",
    "Мakefile",
    "ｍakefile",
    "MAKEFILE",
    "makefile.",
    "Makefile.local",
    "dockerfile",
    "DOCKERFILE.PROD",
    "Docker\u200bfile",
    ".GitHub/workflows/ci.yml",
    ".github./workflows/ci.yml",
    ".github /workflows/ci.yml",
    "\u2024github/workflows/ci.yml",
    ".ＧＩＴＨＵＢ/workflows/ci.yml",
    "src/.hidden.py",
    "src/.vscode/tasks.py",
    "conftest.py::$DATA",
    "app.py:conftest.py",
    "CONFTE~1.PY",
    "GITHUB~1/workflows/ci.yml",
    "src\\conftest.py",
    "src\u2215conftest.py",
    "src／conftest.py",
    "src\u2044..\u2044setup.py",
    "a\nb.py",
    "a\u2028b.py",
    "a\x7fb.py",
    "run.SH",
    "Run.Ps1",
    "PACKAGE.JSON",
    "Package.Json.",
    "web/VITE.CONFIG.TS",
    "web/vite.config.ts ",
    "Cargo.TOML",
]
SOURCE = rows("""
    shop/cart.py src/main/java/org/shop/Cart.java internal/cart/total.go src/cart.rs lib/cart.rb
    app/Services/Cart.php web/src/hooks/useCart.ts web/src/App.tsx src/vendor/VendorService.cs Sources/Cart.swift
    lib/cart.ex src/tools/price.py app/tasks.py app/build.py src/roles/admin.py server/index.mjs src/Größe.py
    日本語/値.py
""")
CONTENT = rows("""
    README.md CHANGELOG.rst templates/cart.html src/main/resources/application.yml config/app.yaml locale/de.po
    application.properties config.json CHANGES.txt src/data/cities.json
""")


@pytest.mark.parametrize("path", RUN_BY_TOOLS)
def test_what_a_tool_runs_is_changed_by_no_patch(path: str) -> None:
    """Neither a model's change nor a revert: CI may run it before anybody reads the draft."""
    assert denial(path, "fix")
    assert denial(path, "revert")


@pytest.mark.parametrize("path", TRICKS)
def test_another_spelling_is_the_same_file(path: str) -> None:
    """File systems ignore case, width, trailing dots and spaces; readers do not see invisible characters."""
    assert denial(path, "fix")
    assert denial(path, "revert")


@pytest.mark.parametrize("path", SOURCE)
def test_source_code_may_be_changed(path: str) -> None:
    """Also where a name resembles one of a tool."""
    assert denial(path, "fix") == ""
    assert denial(path, "revert") == ""


@pytest.mark.parametrize("path", [*CONTENT, "tests/test_cart.py", "src/cart.spec.ts"])
def test_content_and_tests_are_restored_but_not_rewritten(path: str) -> None:
    """A commit changes them with its code; a model that changes a test can make anything pass."""
    assert denial(path, "revert") == ""
    assert denial(path, "fix")


def test_enough_kinds_and_tricks_are_tried() -> None:
    """Each row above is one."""
    assert len(set(RUN_BY_TOOLS)) >= 90
    assert len(set(TRICKS)) >= 50


def test_what_is_writable_is_listed() -> None:
    """A reader of infra/SECURITY.md sees each suffix, with who may change it."""
    text = (bundle.ROOT / "infra/SECURITY.md").read_text(encoding="utf-8")
    source, content = (re.search(rf"`({first} [^`]*)`", text) for first in (r"\.c", r"\.adoc"))

    assert source is not None
    assert content is not None
    assert set(source[1].split()) == SOURCE_SUFFIXES
    assert set(content[1].split()) == CONTENT_SUFFIXES


@pytest.mark.parametrize("suffix", sorted(SOURCE_SUFFIXES | CONTENT_SUFFIXES))
def test_suffix_is_writable_by_its_kind_alone(suffix: str) -> None:
    """A model changes source code, a revert content too; neither where the folder is a tool's."""
    assert denial(f"shop/prices{suffix}", "revert") == ""
    assert bool(denial(f"shop/prices{suffix}", "fix")) is (suffix in CONTENT_SUFFIXES)
    for folder in (".github", "vendor", ".vscode"):
        assert denial(f"{folder}/prices{suffix}", "revert")
