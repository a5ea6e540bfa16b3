"""The buffer does what an editor does, in all three position encodings."""

import random

import pytest

from lsp_server.text import Buffer, from_units, to_units

ENCODINGS = ("utf-8", "utf-16", "utf-32")
ALPHABET = ["a", "b", "\t", " ", "é", "漢", "😀", "👩‍💻", "\u2028", "\x0c", "\r\n", "\n", "\r"]


def units(text, encoding):
    if encoding == "utf-32":
        return len(text)
    size = {"utf-8": 1, "utf-16": 2}[encoding]
    return len(text.encode(encoding + ("-le" if size == 2 else ""))) // size


def position_of(text, offset, encoding):
    """(line, units) of an offset, from the specification: only CR, LF and CRLF end lines."""
    line, start, at = 0, 0, 0
    while at < offset:
        if text[at] == "\r" and text[at + 1 : at + 2] == "\n":
            at += 1
            if at >= offset:
                break
        if text[at] in "\r\n":
            line, start = line + 1, at + 1
        at += 1
    return line, units(text[start:offset], encoding)


def between_cr_and_lf(text, offset):
    return text[offset - 1 : offset + 1] == "\r\n"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_random_edits_give_the_editors_text(encoding):
    random.seed(encoding)
    for _ in range(60):
        text = "".join(random.choices(ALPHABET, k=random.randrange(30)))
        buffer = Buffer(text, encoding)
        for _ in range(8):
            spots = [n for n in range(len(text) + 1) if not between_cr_and_lf(text, n)]
            start, end = sorted(random.choices(spots, k=2))
            new = "".join(random.choices(ALPHABET, k=random.randrange(6)))
            buffer.replace(
                position_of(text, start, encoding), position_of(text, end, encoding), new
            )
            text = text[:start] + new + text[end:]
            assert buffer.text == text
            assert buffer.lines == Buffer(text).lines


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_columns_go_there_and_back(encoding):
    line = "\tx = '😀é漢' + 👩‍💻"
    for column in range(len(line) + 1):
        there = to_units(line, column, encoding)
        assert there == units(line[:column], encoding)
        assert from_units(line, there, encoding) == column


def test_a_position_past_the_line_is_its_end_and_past_the_file_is_the_end():
    buffer = Buffer("ab\r\ncd", "utf-16")
    assert buffer.point(0, 99) == (0, 2)  # before the line ending
    assert buffer.point(1, 99) == (1, 2)
    assert buffer.point(7, 0) == (1, 2)
    assert Buffer("ab\n").point(9, 9) == (1, 0)
    assert Buffer("").point(3, 3) == (0, 0)


def test_typing_at_the_very_end_and_into_nothing():
    buffer = Buffer("")
    buffer.replace((0, 0), (0, 0), "a\n")
    buffer.replace((1, 0), (1, 0), "b")
    assert buffer.lines == ["a\n", "b"]


def test_a_form_feed_does_not_end_a_line():
    buffer = Buffer("a\x0cb\nc\u2028d\n")
    buffer.replace((1, 3), (1, 3), "!")
    assert buffer.text == "a\x0cb\nc\u2028d!\n"


def test_a_range_that_ends_before_it_starts_inserts_at_its_start():
    buffer = Buffer("abc\n")
    buffer.replace((0, 2), (0, 1), "-")
    assert buffer.text == "ab-c\n"


def test_other_lines_keep_their_identity():
    buffer = Buffer("one\ntwo\nthree\n")
    first, last = buffer.lines[0], buffer.lines[2]
    buffer.replace((1, 0), (1, 3), "2")
    assert buffer.lines[0] is first and buffer.lines[2] is last
