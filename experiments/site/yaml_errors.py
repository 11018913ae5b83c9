"""Syntax errors of YAML in plain words: what is wrong in this line, and how to mend it."""

import re

from ruamel.yaml.error import MarkedYAMLError

from experiments.definition.problem import Problem

_SPACES = "indent with spaces, and give lines that belong together the same number of them"
_QUOTES = "put the value in quotes"

# What ruamel.yaml says -> whether to point to where the construct began, what is wrong, how to mend it.
_WORDS = (
    (r"found character '\\t'", False, "a tab cannot indent a line", "use spaces instead of the tab"),
    (r"found character '(.)' that cannot start", False, "a value cannot begin with {0}", _QUOTES),
    (
        r"mapping values are not allowed",
        False,
        'a second ": " stands in this value, or the line is indented wrongly',
        'put text that contains ": " in quotes; indent a key exactly like its neighbours',
    ),
    (r"found unexpected end of stream", True, "this quote is never closed", "write the same quote at the end"),
    (
        r"found unknown escape character '(.)'",
        False,
        "\\{0} is not an escape of YAML",
        "write \\\\ for a backslash, or use 'single quotes'",
    ),
    (r"could not find expected ':'", True, "this line has no colon after its key", 'write "key: value"'),
    (
        r"expected <block end>, but found '(<scalar>|\}|\])'",
        False,
        "something follows after the value has ended",
        "remove it, or put the whole value in one pair of quotes",
    ),
    (
        r"expected the node content, but found '(.*)'",
        False,
        "{0} stands where a value should be",
        "write a value before it, put it in quotes, or close the bracket that was opened earlier",
    ),
    (
        r"sequence entries are not allowed here",
        False,
        'a list cannot begin with "- " on the line of its key',
        'write each "- " on a line of its own, or put text in quotes',
    ),
    (r"expected (a comment or a line break|chomping)", False, "this stands after a | or >", _QUOTES),
    (r"expected (URI|'>'|' ')", False, "this stands after a !, which begins a tag", _QUOTES),
    (r"expected alphabetic or numeric character", True, "a value cannot begin with & or * alone", _QUOTES),
    (
        r"expected (<block end>|'<document start>')",
        False,
        "this line is indented differently from the lines it belongs to",
        _SPACES,
    ),
)
_UNCLOSED = re.compile(r"expected ',' or '([\]}])'")
_COMMENT_IN_BRACKETS = re.compile(r"""[\[{][^'"\]}]*[:,\[{]\s*#""")


def syntax_problem(name: str, text: str, error: MarkedYAMLError) -> Problem:
    """ruamel.yaml's error as a problem of this file, at the place a person has to edit."""
    said = str(error.problem)
    began, stopped = error.context_mark or error.problem_mark, error.problem_mark or error.context_mark
    at_beginning, what, remedy = False, f"this is not valid YAML ({said})", "write it like the README's example"
    if unclosed := _UNCLOSED.match(said):
        at_beginning = True
        opening = "[" if unclosed[1] == "]" else "{"
        line = text.split("\n")[began.line][began.column :] if began is not None else ""
        if _COMMENT_IN_BRACKETS.match(line):
            what = f"this {opening} is never closed, because # begins a comment"
            remedy = 'put text that begins with # in quotes, such as "#contact"'
        else:
            what = f"this {opening} is not closed where it should be"
            remedy = f"write , or {unclosed[1]} before line {stopped.line + 1}, column {stopped.column + 1}"
    for pattern, where, words, mend in _WORDS:
        if found := re.match(pattern, said):
            at_beginning, what, remedy = where, words.format(*found.groups()), mend
            break
    mark = began if at_beginning else stopped
    return Problem(name, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, what, remedy)
