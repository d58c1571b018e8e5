"""What a commit changed in what a file does."""

import time

import pytest

from shared.analysis.code.diffs import hunks
from shared.analysis.code.meaning import changed_lines, meaning, source

PATH = "shop/pricing.py"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total = add( a,b )", "total = add(a, b)  # the sum"),
        ("name = u'shop'", 'name = "shop"'),
        ("    return f(a, b,)", "return f(a, b)"),
        ("def total(lines, rate=1):", "def total(lines: list[Line], rate: int = 1) -> Money:"),
        ("limit = 5", "limit: int = 5"),
        ("raise TooMuch('at most 5 lines')", "raise TooMuch('not more than 5 lines')"),
        ("const a = b;", "const a = b"),
    ],
)
def test_lines_that_do_the_same_mean_the_same(one: str, other: str) -> None:
    """Format, comments, annotations and the text of messages do nothing."""
    assert meaning(one, PATH) == meaning(other, PATH)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total = a + b", "total = a - b"),
        ("row['price']", "row['amount']"),
        ("limit: int = 5", "limit: int = 6"),
        ("call({a: b})", "call({a: c})"),
        ("if a:", "if not a:"),
        ('"Dear #{subscriber.name}, hello"', '"Dear #{subscriber.full_name}, hello"'),
        ('f"order {order.id} is gone"', 'f"order {order} is gone"'),
        ('log("order %s is gone", a)', 'log("order %s is gone, %s", a)'),
        ("x = {'a': one, 'b': two}", "x = {'a': one, 'b': three}"),
    ],
)
def test_lines_that_do_something_else_mean_something_else(one: str, other: str) -> None:
    """A key, a value or an operator is what a line does."""
    assert meaning(one, PATH) != meaning(other, PATH)


WRAPPED = """@@ -3,2 +3,5 @@
 def total(lines):
-    return rounded(sum(line.price for line in lines), 'up')
+    return rounded(
+        sum(line.price for line in lines),
+        "up",
+    )
"""
MOVED = """@@ -1,4 +1,2 @@
 a = 1
-def total(lines):
-    return sum(line.price for line in lines)
 b = 2
@@ -9,1 +7,3 @@
 z = 9
+def total(lines):
+    return sum(line.price for line in lines)
"""
WRITTEN = """@@ -3,2 +3,2 @@
 def total(lines):
-    return sum(line.price for line in lines)
+    return sum(line.amount for line in lines)
"""


@pytest.mark.parametrize(
    ("patch", "line", "before", "changed"),
    [(WRAPPED, 5, 4, []), (MOVED, 9, 3, []), (WRITTEN, 4, None, [4, 4])],
)
def test_line_is_followed_through_a_change_of_form_alone(
    patch: str, line: int, before: int | None, changed: list[int]
) -> None:
    """A line that was wrapped or moved came from elsewhere; one that does something else was written."""
    assert source(line, hunks(patch), PATH) == before
    assert changed_lines(hunks(patch), PATH) == changed


def test_new_words_of_a_docstring_change_nothing() -> None:
    """It is no statement that does something."""
    assert meaning('    """One."""', PATH) == meaning('    """Another one."""', PATH) == ""


def test_line_of_an_unchanged_part_has_no_other_source() -> None:
    """Only what a commit added is looked for among what it removed."""
    assert source(3, hunks(WRITTEN), PATH) is None


def test_long_lines_are_compared_as_they_are() -> None:
    """Generated code is not searched for what does nothing."""
    assert meaning("x = 1 " * 500, PATH) == ("x = 1 " * 500).strip()


HEAD = "def total(lines, user):"
CHANGES = [
    ("a.py", ["    total = a // b"], ["    total = a // c"]),
    ("a.py", ["    total = row['a'] + tax['b']"], ["    total = row['a'] - tax['b']"]),
    ("a.c", ["#define N 5"], ["#define N 6"]),
    ("a.ts", ["    this.#a = 1"], ["    this.#b = 1"]),
    ("a.py", ['    db.run("DELETE FROM lines WHERE id = 1")'], ['    db.run("DELETE FROM lines")']),
    ("a.py", ["    os.system('rm -f a')"], ["    os.system('rm -f b')"]),
    ("a.py", ["    if re.match('^a b$', x):"], ["    if re.match('^a c$', x):"]),
    ("a.py", ["    log.info('a b', db.run('DELETE FROM a'))"], ["    log.info('a b', db.run('DELETE FROM b'))"]),
    ("a.py", ["    else: rate = 5"], ["    else: price = 5"]),
    ("a.js", ["    default: rate = 5"], ["    default: price = 5"]),
    ("a.py", ["    x = (a)"], ["    x = (a,)"]),
    ("a.py", ["    x = (", "        a", "    )"], ["    x = (", "        a,", "    )"]),
    ("a.py", ["    x = f('a,)')"], ["    x = f('a)')"]),
    ("a.py", ["    return a[1,]"], ["    return a[1]"]),
    ("a.js", ["    const s = `${x}`;"], ["    const s = '${x}';"]),
    ("a.rb", ["    s = '#{x}'"], ['    s = "#{x}"']),
    ("a.go", ["//go:build linux"], ["//go:build windows"]),
    ("a.rb", ["# frozen_string_literal: true"], ["# frozen_string_literal: false"]),
    ("a.py", ["# -*- coding: utf-8 -*-"], ["# -*- coding: latin-1 -*-"]),
    ("a.py", ["    limit: int = 5"], ["    limit: str = 5"]),
    ("a.py", ["def get(a: int):"], ["def get(a: str):"]),
    ("a.py", ["@app.get('/')", "def get(a):"], ["@app.get('/')", "def get(a: int):"]),
    ("a.py", ["class Line:", "    price = 5"], ["class Line:", "    price: int = 5"]),
    ("a.py", ["def get(a, k=lambda x: x.a, z=1):"], ["def get(a, k=lambda x: x.b, z=1):"]),
    ("a.rs", ["fn get(x: u32) -> u8 {"], ["fn get(x: u8) -> u8 {"]),
    ("a.rs", ["    sum + 1"], ["    sum + 1;"]),
    ("a.js", ["    a = b;", "    (c || d).run()"], ["    a = b", "    (c || d).run()"]),
    ("a.js", ["    return total"], ["    return", "        total"]),
    ("a.py", ["    x = a - b"], ["    x = a", "    - b"]),
    ("a.py", ["    if user:", "        charge()"], ["    if user:", "    charge()"]),
    ("a.py", ["        log.info('x')", "        charge()"], ["        log.info('x')", "    charge()"]),
    (
        "a.py",
        ["    check(user)", "    charge(user, total(user))"],
        ["    charge(user, total(user))", "    check(user)"],
    ),
    ("a.yaml", ["  limits:", "    cpu: 1"], ["  limits:", "  cpu: 1"]),
    ("a.sh", ["[ $a = b ]"], ["[ $a=b ]"]),
    ("a.rb", ["    puts foo -1"], ["    puts foo - 1"]),
    ("a.py", ['    x = """a', "      # b", '    """'], ['    x = """a', "      # c", '    """']),
    ("a.c", ["    return 'a';"], ['    return "a";']),
    ("a.py", ["    not_x = 1"], ["    not x = 1"]),
]


@pytest.mark.parametrize(("path", "removed", "added"), CHANGES)
def test_change_of_what_code_does_is_one_however_small(path: str, removed: list[str], added: list[str]) -> None:
    """Who changes a text that runs, an order, a block or a type is blamed, not who wrote the line before."""
    rows = [f" {HEAD}", *(f"-{row}" for row in removed), *(f"+{row}" for row in added), " "]
    patch = "\n".join([f"@@ -1,{len(removed) + 2} +1,{len(added) + 2} @@", *rows])

    assert changed_lines(hunks(patch), path)
    assert {source(number, hunks(patch), path) for number in range(2, len(added) + 2)} >= {None}


FORMS = [
    ("a.py", ["    x = f(a, b)"], ["    x = f(", "        a,", "        b,", "    )"]),
    ("a.py", ["    x = {'a': 1, 'b': 2}"], ["    x = {", '        "a": 1,', '        "b": 2,', "    }"]),
    ("a.py", ["    x = a + \\", "        b"], ["    x = a + b"]),
    ("a.py", ["    if a and b:"], ["    if a  and b: # both"]),
    ("a.py", ["def get(a, b=1):"], ["def get(a: list[int], b: int = 1) -> str:"]),
    ("a.py", ["    raise TooMuch('at most 5 lines')"], ["    raise TooMuch('no more than 5 lines')"]),
    ("a.js", ["  const a = f('x')"], ['    const a = f("x");']),
    ("a.js", ["  return list.map(f).join(',')"], ["  return list", "    .map(f)", "    .join(',');"]),
    ("a.js", ["  const a = {b: 1, c: 2};"], ["  const a = {", "    b: 1,", "    c: 2,", "  };"]),
    ("A.java", ["    run(a, b);"], ["    run(", "        a,", "        b);"]),
    ("A.java", ["  if (a) {", "    run();", "  }"], ["    if (a) {", "        run();", "    }"]),
]


@pytest.mark.parametrize(("path", "removed", "added"), FORMS)
def test_change_of_form_alone_is_none(path: str, removed: list[str], added: list[str]) -> None:
    """What a formatter does, annotations that are new, and words for people."""
    rows = [f" {HEAD}", *(f"-{row}" for row in removed), *(f"+{row}" for row in added), " "]
    patch = "\n".join([f"@@ -1,{len(removed) + 2} +1,{len(added) + 2} @@", *rows])

    assert changed_lines(hunks(patch), path) == []
    assert None not in {source(number, hunks(patch), path) for number in range(2, len(added) + 2)}


@pytest.mark.parametrize(
    "row", ["(" * 490, "f(," * 160, "def f(a: " + "x[" * 190 + "):", "raise X('" + "{a " * 150 + "')"]
)
def test_change_that_takes_long_to_read_is_compared_as_it_stands(row: str) -> None:
    """Who writes a commit does not choose how long the analysis takes: past a bound only equal rows are the same."""
    patch = "\n".join(["@@ -1,4000 +1,4000 @@", *[f"-{row}"] * 4000, *[f"+{row} + 1"] * 4000])

    before = time.process_time()
    assert len(changed_lines(hunks(patch), PATH)) == 8000
    assert time.process_time() - before < 10
