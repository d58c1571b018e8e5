"""Reading of source text: functions and lines."""

import pytest

from shared.analysis.code.spans import Span, definition_line, enclosing, settle

PYTHON = """import os


class Cart:
    @cached
    def total(self):
        def price(line):
            return line.price

        return sum(map(price, self.lines))


LIMIT = 3
"""
GO = """package store

func (s *Store) Get(id string) (*Item, error) {
\tif id == "" {
\t\treturn nil, errEmpty // }
\t}
\treturn s.items[id], nil
}
"""
JAVA = """class Cart {
    public int total(
            List<Line> lines) {
        for (Line line : lines) {
            check(line);
        }
        return 0;
    }
}
"""
SCRIPT = """const pay = async (order) => {
  return charge(order.card)
}

export function refund(order) {
  return order.id
}
"""
RUBY = """class User
  def name
    if first
      first.upcase
    end
  end

  def age
    1
  end
end
"""


@pytest.mark.parametrize(
    ("path", "text", "line", "expected"),
    [
        ("a.py", PYTHON, 8, Span("price", 7, 8)),
        ("a.py", PYTHON, 10, Span("total", 5, 10)),
        ("a.go", GO, 5, Span("Get", 3, 8)),
        ("a.java", JAVA, 5, Span("total", 2, 8)),
        ("a.js", SCRIPT, 2, Span("pay", 1, 3)),
        ("a.ts", SCRIPT, 6, Span("refund", 5, 7)),
        ("a.rb", RUBY, 4, Span("name", 2, 6)),
        ("broken.py", "def f(:\n    x = 1\n    y = 2\n\nz = 3\n", 3, Span("f", 1, 3)),
    ],
)
def test_innermost_function_around_a_line_is_found(path: str, text: str, line: int, expected: Span) -> None:
    """Decorators belong to a function; nested functions, braces in comments and broken files are handled."""
    assert enclosing(path, text, line) == expected


def test_line_outside_any_function_gets_a_window() -> None:
    """Where no function is recognised, the lines around it are used."""
    assert enclosing("a.toml", "x = 1\n" * 50, 30) == Span("", 18, 42)


def test_line_beyond_the_file_is_clamped_to_its_end() -> None:
    """A line number from another version of the file does no harm."""
    assert enclosing("a.toml", "x = 1\n", 900) == Span("", 1, 2)


def test_code_of_the_trace_wins_over_its_line_number() -> None:
    """When the code moved, the nearest line with the same text is chosen."""
    text = "x = 1\n\n\nfail()\n\n\n\n\nfail()\n"

    assert settle(text, 5, "fail()", "f") == 4
    assert settle(text, 8, "fail()", "f") == 9


def test_line_number_counts_where_the_trace_has_no_code() -> None:
    """Traces of some languages show no code."""
    assert settle(GO, 5, "", "store.(*Store).Get") == 5


def test_function_counts_where_there_is_no_line_number() -> None:
    """Compiled files keep function names, not line numbers."""
    assert settle(SCRIPT, None, "", "Object.refund") == 5
    assert settle(SCRIPT, None, "", "nowhere") is None


@pytest.mark.parametrize(
    ("function", "line"),
    [("Store.Get", 3), ("acme/store.(*Store).Get", 3), ("Get", 3), ("<anonymous>", None), ("", None)],
)
def test_definition_is_found_by_the_last_name(function: str, line: int | None) -> None:
    """Qualified names are looked up by their last part."""
    assert definition_line(GO, function) == line
