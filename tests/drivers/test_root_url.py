"""To which root URLs credentials may be sent."""

from __future__ import annotations

import pytest

from kokunai.plugin.sakura.accounts import SECTION

GOOD = [
    "https://secure.sakura.ad.jp/cloud/zone",
    "https://secure.sakura.ad.jp/cloud/zone/",
    "https://secure.sakura.ad.jp:443/cloud/zone",
    "https://SECURE.sakura.ad.jp/cloud/zone",
    "https://gateway.example.co.jp:8443/sakura",
    "http://127.0.0.1:23456/cloud/zone",
    "http://127.0.0.2",
    "http://localhost:8080",
    "https://localhost/cloud/zone",
    "http://[::1]:9/cloud/zone",
]
BAD = [
    "http://secure.sakura.ad.jp/cloud/zone",
    "HTTP://secure.sakura.ad.jp/cloud/zone",
    "ftp://secure.sakura.ad.jp/cloud/zone",
    "ftp://127.0.0.1/cloud/zone",
    "https://secure.sakura.ad.jp:8443/cloud/zone",
    "https://secure.sakura.ad.jp:80/cloud/zone",
    "https://secure.sakura.ad.jp.:8443/cloud/zone",
    "https://secure.sakura.ad.jp:99999/cloud/zone",
    "https://secure.sakura.ad.jp:x/cloud/zone",
    "https://user@secure.sakura.ad.jp/cloud/zone",
    "https://user:password@127.0.0.1/cloud/zone",
    "https://secure.sakura.ad.jp@evil.example/",
    "https://secure.sakura.ad.jp/cloud/zone?x=1",
    "https://secure.sakura.ad.jp/cloud/zone#x",
    "https://secure.sakura.ad.jp/cloud/../zone",
    "https://secure.sakura.ad.jp//cloud/zone",
    "https://secure.sakura.ad.jp/%2e%2e/zone",
    "https://secure.sakura.ad.jp/cloud zone",
    "https://secure.sakura.ad.jp/\r\nX: y",
    "https://secure.sakura.ad.jp\\@evil.example/",
    "https://ѕecure.sakura.ad.jp/",
    "http://10.0.0.1/",
    "http://2130706433/",
    "http://127.1/",
    "https://0x7f.1/",
    "http://127.0.0.1.nip.io/",
    "http://0.0.0.0/",
    "http://localhost.example/",
    "https://",
    "https:///cloud",
    "secure.sakura.ad.jp",
    "//secure.sakura.ad.jp/",
    "file:///etc/passwd",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", GOOD)
def test_a_root_url_with_https_or_of_this_machine_is_taken(url):
    assert list(SECTION.problems({"sakuraApiRootUrl": url})) == []


@pytest.mark.parametrize("url", BAD)
def test_any_other_root_url_is_refused_with_the_reason_in_both_languages(url):
    (problem,) = SECTION.problems({"sakuraApiRootUrl": url})

    assert problem.path == "sakuraApiRootUrl"
    assert "この URL は使えません" in problem.ja
    assert "this URL cannot be used" in problem.en
