"""However a host is written, it is read as the one that would be called."""

import pytest

from kokunai.catalog import facts
from kokunai_policy import hosts

SPELLINGS = {
    "NTP.NICT.JP": "ntp.nict.jp",
    "ntp.nict.jp.": "ntp.nict.jp",
    "ntp.nict.jp:123": "ntp.nict.jp",
    "ｎｔｐ．ｎｉｃｔ．ｊｐ": "ntp.nict.jp",
    "日本語.jp": "xn--wgv71a119e.jp",
    "https://user:pw@a.example:8443/p?q#f": "a.example",
    "https://good.jp@evil.example/": "evil.example",
    "2130706433": "127.0.0.1",
    "0x7f000001": "127.0.0.1",
    "0177.0.0.1": "127.0.0.1",
    "127.1": "127.0.0.1",
    "[::ffff:8.8.8.8]:53": "8.8.8.8",
    "fe80::1%eth0": "fe80::1",
    "2001:4860:4860::8888": "2001:4860:4860::8888",
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_host_has_one_spelling(text):
    assert hosts.canonical(text).name == SPELLINGS[text]


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "http://", "a:b", "-a.jp", "a..jp", "x" * 300, "http://a\\@b", "http://a/ b"],
)
def test_what_is_no_host_is_none(text):
    assert hosts.canonical(text) is None


INSIDE = {"10.0.0.1": True, "172.31.0.1": True, "172.32.0.1": False, "fd00::1": True}
OUTSIDE = {"169.254.169.254": False, "100.64.0.1": False, "8.8.8.8": False, "198.18.0.1": False}


@pytest.mark.parametrize(("text", "inside"), [*INSIDE.items(), *OUTSIDE.items()])
def test_only_private_addresses_are_inside_the_own_network(text, inside):
    assert hosts.canonical(text).inside is inside


def test_a_pattern_covers_whole_labels_only():
    patterns = [row.host for row in facts.hosts("api")]

    def is_known(name):
        return hosts.is_known(hosts.canonical(name), patterns)

    assert is_known("my.sakuracr.jp")
    assert not is_known("sakuracr.jp")
    assert not is_known("evilsakuracr.jp")
    assert not is_known("my.sakuracr.jp.evil.example")


def test_every_host_of_a_text_is_found():
    text = "deb http://a.example/x b.example, http://c.example"

    assert [host.name for host in hosts.every(text)] == ["a.example", "c.example", "b.example"]
