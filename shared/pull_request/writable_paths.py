"""
Which files a pull request may change: code and content that only the service runs or shows.

Everything else is denied: what tools of build, CI, packaging, containers, deployment, hooks and editors run by
themselves runs with their rights, often before a person has read the change.
"""

import re
import unicodedata
from typing import Literal

from shared.analysis.code.paths import is_test


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SOURCE = _words("""
    .c .cc .cjs .clj .cljs .cpp .cs .cts .cxx .dart .erl .ex .fs .go .h .hh .hpp .hrl .hs .java .jl .js .jsx .kt
    .lua .m .mjs .ml .mli .mm .mts .php .pl .pm .py .pyi .r .rb .rs .scala .svelte .swift .ts .tsx .vb .vue
""")
"""Suffixes of source code. Scripts of shells and of build tools are not among them."""
CONTENT = _words("""
    .adoc .cfg .css .csv .ejs .erb .graphql .haml .hbs .htm .html .ini .j2 .jinja .jinja2 .json .jsp .less
    .liquid .md .mdx .mustache .po .properties .proto .pug .rst .sass .scss .slim .sql .svg .tmpl .toml .twig
    .txt .xml .xsd .xsl .yaml .yml
""")
"""Suffixes of what a service reads, renders or documents; only an exact revert may change them."""
_PLAIN_TEXTS = _words("""
    authors changelog changes contributing contributors copying history license news notice readme todo version
""")
"""Names without a suffix that nothing runs."""
_FOLDERS = _words("""
    __pycache__ ansible buildsrc capistrano cookbooks fastlane git-hooks githooks gradle gulpfile.js helm k8s
    kubernetes magefiles nbproject node_modules terraform xtask
""")
"""Folders of tools; those whose names start with a dot are denied as such."""
_TOP_FOLDERS = _words("""
    build charts ci cmake deploy deployment deployments docker gradle grunt gulp hack hooks kustomize manifests
    playbooks pulumi requirements roles script scripts tools vendor
""")
"""Names that are ordinary ones below the top: React has hooks, a shop has vendors."""
_JS = r"\.[cm]?[jt]sx?"
_TOOLS = rf"""
    setup\.(?:py|cfg) pyproject\.toml (?:tox|pytest|mypy|alembic)\.ini conftest\.py noxfile\.py fabfile\.py
    dodo\.py pavement\.py versioneer\.py hatch_build\.py ez_setup\.py (?:site|user)customize\.py .*\.conf\.py
    conf\.py (?:requirements|constraints)[\w.-]*\.(?:txt|in) pipfile.* environment\.ya?ml
    meson(?:\.build|_options\.txt) scons(?:truct|cript) (?:wscript|waf)[\w.-]* .*buildout[\w.-]*\.(?:cfg|py)
    (?:package|tsconfig|jsconfig|deno|lerna|nx|turbo|angular|project|rush|bower|babel|renovate)[\w.-]*\.jsonc?
    .*\.(?:config|conf|setup|workspace){_JS} (?:gulp|grunt|jake|cake|danger)file{_JS} pnpm-.* bunfig\.toml
    (?:webpack|rollup|vite|vitest|jest|karma|esbuild|babel|metro|protractor|cypress|playwright)(?:[._-][\w.-]*)?{_JS}
    pom\.xml build\.xml ivy\.xml .*\.gradle settings\.gradle.* gradle.* mvnw.* build\.sc .*\.(?:cs|fs|vb|vcx)proj
    .*\.slnx? .*\.props .*\.targets nuget\.config packages\.config global\.json paket\..* go\.(?:mod|sum|work)
    magefile.* build\.rs cargo\.toml rust-toolchain.* gemfile.* .*\.gemspec .*\.rake rakefile.* guardfile
    config\.ru composer\.(?:json|lock) phpunit.* phpstan.* artisan package\.swift podfile.* .*\.podspec cartfile.*
    mix\.exs rebar\.config.* (?:project|build)\.clj deps\.edn shadow-cljs\.edn stack\.ya?ml setup\.hs
    package\.ya?ml .*\.cabal .*\.opam myocamlbuild\.ml dune(?:-project)? (?:makefile|build)\.pl cpanfile
    shard\.yml build\.zig.* (?:gnu)?makefile.* .*\.mk justfile taskfile.* cmakelists\.txt .*\.cmake
    configure(?:\.ac|\.in)? buck build workspace .*\.(?:bazel|bzl) module\.bazel
    (?:docker|container|earth|vagrant|tilt|proc)file.* .*\.dockerfile (?:docker-)?compose.*\.ya?ml docker-bake.*
    .*\.(?:tf|tfvars|hcl|bicep|nomad) pulumi.*\.ya?ml kustomization\.ya?ml chart\.ya?ml values[\w.-]*\.ya?ml
    skaffold.*\.ya?ml helmfile.* serverless.*\.(?:ya?ml|json|[jt]s) cdk\.json netlify\.toml vercel\.json
    (?:fly|wrangler|nixpacks|railway)\.(?:toml|json) heroku\.yml now\.json playbook.*\.ya?ml .*\.service
    jenkinsfile.* azure-pipelines.* bitbucket-pipelines.* appveyor.* codefresh.* wercker.* buildspec.*
    cloudbuild.* codeowners codecov.* sonar-project\.properties lefthook.* dangerfile.* .*\.code-workspace
    .*\.sublime-project .*\.lockb? package-lock\.json npm-shrinkwrap\.json id_(?:rsa|dsa|ecdsa|ed25519).*
    .*\.(?:pem|key|p12|pfx|jks) .*\.keystore .*\.tfstate.* .*\.env .*secret.*\.(?:ya?ml|json|toml|ini|properties)
    .*credential.*\.(?:ya?ml|json|toml|ini|properties) .*service[-_]account.*\.json
    deploy(?:ment)?\.(?:rb|php|py|js|ts|pl) (?:docker-)?entrypoint\..* conanfile\.py pdm_build\.py
    package@swift.*\.swift (?:build|make)\.jl (?:activate|configure|install)\.r (?:build|shake|shakefile)\.hs
    (?:build|dune)\.ml emakefile.* (?:gulp|grunt|jake|cake|danger)file(?:\.[\w-]+)*{_JS}
    gatsby-(?:node|config|browser|ssr){_JS} ember-cli-build{_JS} config-overrides{_JS}
    (?:craco|metro|knexfile)[\w.-]*{_JS} xmake\.lua premake\d*\.lua build\.cs
    (?:.*[-_])?requirements[\w.-]*\.(?:txt|in) libs\.versions\.toml pubspec.* uv\.toml vcpkg[\w.-]*\.json
    .*\.tf\.json ansible\.cfg appspec\.ya?ml firebase\.json project\.toml (?:fly|wrangler|netlify)[\w.-]*\.toml
    action\.ya?ml mise[\w.-]*\.toml cmake(?:user)?presets\.json
    (?:agents|claude|gemini|skill|copilot-instructions)\.md
"""
"""
Patterns of names: packaging, tests and tasks of Python; JavaScript and TypeScript; the JVM, .NET, Go, Rust, Ruby, PHP,
Swift, Elixir, Clojure, Haskell, OCaml and Perl; make and native builds; containers, deployment and infrastructure;
CI, owners, bots, hooks and editors; locks, keys, and what may hold secrets.
"""
_TOOL = re.compile("|".join(_TOOLS.split()))
_TOP_NAMES = _words("""
    app.json app.yaml app.yml bootstrap.py build.py ci.py install.py release.py render.yaml render.yml run_tests.py
    runtests.py tasks.py template.yaml template.yml
""")
"""Names that tools take from the top of a repository, and that are ordinary files elsewhere."""
_DATA = _words(".cfg .ini .json .properties .toml .txt .xml .yaml .yml")
"""Suffixes of content that tools also read: at the top, and in a folder of tools, it is theirs."""
_SETTINGS = re.compile(
    r"(?:app(?:lication|settings)?|config|settings|logging|log4j2?|logback|messages|openapi|features?|flags)\b.*"
)
"""Names of a service's own settings at the top."""
_TOOL_PATH = re.compile(r"(?:.*/)?(?:project/[^/]+\.scala|config/deploy/.*|lib/(?:mix/)?tasks/.*)")
"""Files of tools by the folder in which these look for them."""
_SHORT_NAME = re.compile(r"~\d")
Strategy = Literal["fix", "revert"]


def denial(path: str, strategy: Strategy) -> str:
    """
    Return why a pull request may not change the file; an empty text when it may.

    `fix` is a change that a model wrote: source code alone, and none of its tests. `revert` is an exact revert, which
    may also restore what the service reads or shows.
    """
    if not is_plain(path):
        return "its name holds characters that some systems read as another name"
    *folders, name = _folded(path).split("/")
    is_hidden = any(part.startswith(".") for part in (*folders, name))
    if is_hidden or not _FOLDERS.isdisjoint(folders) or not _TOP_FOLDERS.isdisjoint(folders[:1]):
        return "it belongs to a tool, which may run it by itself"
    if _TOOL.fullmatch(name) or (not folders and name in _TOP_NAMES) or _TOOL_PATH.fullmatch(_folded(path)):
        return "build, CI, packaging, container or editor tools run or trust it"
    stem, dot, suffix = name.rpartition(".")
    if f".{suffix}" in _DATA and stem not in _PLAIN_TEXTS:
        is_of_tools = not (_FOLDERS | _TOP_FOLDERS).isdisjoint(folders)
        if is_of_tools or (not folders and not _SETTINGS.match(name)):
            return "it is data at the top or in a folder of tools, which they read"
    kinds = SOURCE if strategy == "fix" else SOURCE | CONTENT
    if not (dot and f".{suffix}" in kinds) and not (strategy == "revert" and not dot and suffix in _PLAIN_TEXTS):
        return "it is no source code" if strategy == "fix" else "it is neither source code nor content of the service"
    if strategy == "fix" and is_test(path):
        return "it is a test, which must not be changed to pass"
    return ""


def _folded(path: str) -> str:
    """Return the path as systems that ignore case, width and trailing dots read it."""
    return "/".join(part.rstrip(". ") for part in unicodedata.normalize("NFKC", path).casefold().split("/"))


def is_plain(path: str) -> bool:
    """Return whether no file system, editor or reader takes the path for another one."""
    parts = path.split("/")
    hides = any(unicodedata.category(char) in ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp") for char in path)
    is_folded = any(part != part.strip() or part.endswith(".") for part in parts) or _looks_like_slash(path)
    is_other = hides or is_folded or ":" in path or "\\" in path or _SHORT_NAME.search(path) is not None
    return not is_other and not _mixes_scripts(path)


def _looks_like_slash(path: str) -> bool:
    """Return whether a letter of it looks like a separator, or becomes one when it is normalised."""
    others = [char for char in path if ord(char) > 127]
    return any("SOLIDUS" in name or "SLASH" in name for name in (unicodedata.name(char, "") for char in others))


def _mixes_scripts(path: str) -> bool:
    """Return whether one word mixes Latin letters with those of another script, as look-alikes do."""
    for word in re.findall(r"[^\W\d_]+", path):
        scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word}
        if "LATIN" in scripts and len(scripts) > 1:
            return True
    return False
