"""Words of the search, without a database: folding, Latin spellings, queries as data, vectors within bounds, secrets."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.warcwriter import WARCWriter

from server.captures.folding import clean, fold_word, latin_forms, words
from server.captures.pagetext import TEXT_CHARS, read_page_text, without_secrets
from server.captures.snippets import snippet
from server.captures.textquery import LEXEMES_LIMIT_BYTES, NOTHING, Lexemes, facet_lexeme, parse_query, vector_of
from tests.trust.archive import PAGE, make_wacz


@pytest.mark.parametrize(
    ("written", "latin"),
    [
        ("Навальный", {"navalny", "navalnyj", "nawalnyj"}),
        ("выборы", {"vybory", "wybory"}),
        ("Хрущёв", {"khrushchev", "hruscev"}),
        ("Київ", {"kyiv"}),
        ("щастя", {"shchastia"}),
        ("Њујорк", {"njujork"}),
    ],
)
def test_cyrillic_is_known_by_its_latin_spellings(written: str, latin: set[str]) -> None:
    assert latin <= set(latin_forms(written))
    assert latin_forms("vybory") == ()


def test_a_text_parts_into_words_the_same_on_both_sides() -> None:
    assert [word.folded for word in words("https://x.com/@Anon_4471?v=Łódź–Știri!")] == [
        "https", "x", "com", "anon", "4471", "v", "lodz", "stiri",
    ]  # fmt: skip
    assert [word.folded for word in words("選挙 vote")] == ["選", "挙", "vote"]
    assert clean("vo\u200bte s\u00adt\x00\ud800e\u0301") == "vote st ?\u00e9"
    assert [(word.start, word.end) for word in words("a. bć")] == [(0, 1), (3, 5)]


@given(st.text(max_size=300))
def test_any_text_gives_a_query_and_a_vector_that_hold_no_syntax_of_its_own(text: str) -> None:
    asked = parse_query(text)
    lexemes = asked.lexemes()
    bare = "".join(char for char in lexemes if char not in "'&|!()<->:* ")
    assert bare == "" or bare.isalnum() or all(fold_word(part) or not part for part in bare.split())
    assert lexemes.count("'") % 2 == 0
    vector = vector_of([("D", clean(text))], {"account": [text]})
    assert "\x00" not in vector.literal and vector.is_whole


def test_bounds_hold() -> None:
    assert len(parse_query("a b " * 200).terms) == 10
    many = " ".join(f"слово{number}" for number in range(30_000))
    vector = vector_of([("D", many)])
    assert not vector.is_whole and len(vector.literal.encode()) < 4 * LEXEMES_LIMIT_BYTES
    assert max(len(word.folded) for word in words("x" * 5000)) == 64
    assert parse_query("-only -without").is_empty and parse_query("!!! ...").is_empty
    assert Lexemes(parse_query("-only -without")).plain() == Lexemes(parse_query("!!! ...")).plain() == NOTHING


def test_endless_words_are_not_kept_in_memory() -> None:
    fold_word.cache_clear()
    latin_forms.cache_clear()
    tracemalloc.start()
    try:
        for number in range(50):
            vector_of([("D", f"{number}" + "\u0436" * 100_000)])
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 1_000_000


def test_a_facet_is_no_word_and_a_word_no_facet() -> None:
    assert facet_lexeme("platform", "X ' \\") == "=platform:x ' \\"
    assert "'=platform:x '' \\\\'" in vector_of([], {"platform": ["X ' \\"]}).literal
    assert "=" not in parse_query("=platform:x").lexemes()


def test_a_snippet_marks_what_was_found_where_it_stands() -> None:
    text = "Before. " * 30 + "Stačilo! Подписка на Навального." + " After." * 60
    pieces = snippet(text, parse_query('stacilo "na navalnogo" -zebra'))
    assert [piece.text for piece in pieces if piece.is_hit] == ["Stačilo", "на Навального"]
    assert pieces[0].text == "…" and pieces[-1].text.endswith("…") and len("".join(piece.text for piece in pieces)) < 320
    assert snippet(text, parse_query("zebra")) == ()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a?token=abc&x=1", "a?token=…&x=1"),
        ('{"password": "hunter", "x": 1}', '{"password": …", "x": 1}'),
        ("Bearer abcdefghijklmnop.q", "…"),
        ("holdstill-redacted-0123456789abcdef here", "… here"),
        ("the secret: nobody voted", "the secret: nobody voted"),
        ("tokens are spent", "tokens are spent"),
    ],
)
def test_what_looks_like_a_credential_is_left_out(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


def archive(*texts: bytes) -> io.BytesIO:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    for number, text in enumerate(texts):
        url = f"urn:text:{PAGE}#{number}"
        writer.write_record(writer.create_warc_record(url, "resource", payload=io.BytesIO(text), warc_content_type="text/plain"))
    return io.BytesIO(make_wacz(None, warc=out.getvalue()))


def test_a_long_page_is_read_in_part_and_says_so() -> None:
    token = b"Bearer " + b"Zq" * 40
    found = read_page_text(archive(b"word " * (TEXT_CHARS // 5 - 4) + token, b"more"))
    assert found.outcome == "partial" and len(found.text) <= TEXT_CHARS and "Zq" not in found.text, "no half of a credential"
    assert read_page_text(archive(b"one", b"one", b"two")).text == "one\ntwo"
    assert read_page_text(archive()).outcome == "none"
    many = read_page_text(archive(*(b"frame %d" % number for number in range(101))))
    assert many.outcome == "partial" and "frame 99" in many.text and "frame 100" not in many.text
