"""Secrets in whatever form an API or a program repeats them."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from kokunai.foreign_text import shown
from kokunai.plugin.redaction import masking, pairs

TOKEN, SECRET = "the-token-0001", "s3cr/et+w&rd é=1"
BASIC = base64.b64encode(f"{TOKEN}:{SECRET}".encode()).decode()
FORMS = {
    "plain": SECRET,
    "json": json.dumps(SECRET)[1:-1],
    "url": quote(SECRET),
    "url, every sign": quote(SECRET, safe=""),
    "url, small digits": re.sub("%..", lambda one: one[0].lower(), quote(SECRET, safe="")),
    "form": quote_plus(SECRET),
    "html": html.escape(SECRET),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "header": f"Authorization: Basic {BASIC}",
    "another user": base64.b64encode(f"u:{SECRET}".encode()).decode(),
    "within something": base64.b64encode(f'{{"p": "{SECRET}"}}'.encode()).decode(),
    "for urls": base64.urlsafe_b64encode(f"{TOKEN}:{SECRET}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_masked_in_every_form(form):
    mask = masking([TOKEN, SECRET, *pairs([TOKEN, SECRET])])

    said = mask(f"invalid: {form}.")

    assert "[secret]" in said
    left = said.replace("[secret]", "")
    assert not any(form[start : start + 8] in left for start in range(16, len(form) - 8))


def test_a_secret_that_was_cut_with_its_text_is_masked():
    mask = masking([SECRET])

    for length in range(4, len(SECRET) + 1):
        said = mask(shown("x" * 20 + SECRET + "y" * 50, 20 + length + 1))
        assert said == "x" * 20 + "[secret]" + "…"


def test_ordinary_text_stays():
    sentence = "サーバー 113000000001 は… GET is1a/server: token, basic Zm9v, s3cr, 100 %"

    assert masking([TOKEN, SECRET, *pairs([TOKEN, SECRET])])(sentence) == sentence
