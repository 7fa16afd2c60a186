"""Lists: filters, order, pages and chosen fields, in the raw query string of the API."""

import http.client
import json
from base64 import b64encode
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def names(api):
    """Lists the names of switches that a query finds."""
    for number, tags in enumerate((["a", "b"], ["a"], ["c"]), 1):
        api.post("switch", {"Switch": {"Name": f"Node {number}", "Tags": tags}})

    def list_(**query):
        answer = api.get("switch", query=query)
        return [row["Name"] for row in answer["Switches"]]

    return list_


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"Name": "node"}, 3),
        ({"Name": "Node 2"}, 1),
        ({"Name": "2 node"}, 1),
        ({"Name": ["Node 2", "Node 3"]}, 2),
        ({"Name": ["Node"]}, 0),
        ({"Tags.Name": [["a", "b"]]}, 1),
        ({"Tags.Name": ["a"]}, 2),
        ({"Tags.Name": ["a", "c"]}, 3),
        ({"Tags.Name": "c"}, 1),
        ({"Tags.Name": [[["a"]]]}, 0),
        ({"Scope": "user"}, 3),
        ({"Zone.Name": "is1a"}, 3),
        ({"ServerCount": 0}, 3),
        ({"ServerCount>": 0}, 0),
        ({"CreatedAt>=": "2020-01-01T00:00:00+09:00"}, 3),
        ({"Nothing": "x"}, 0),
    ],
)
def test_a_filter_finds(names, wanted, found):
    assert len(names(Filter=wanted)) == found


def test_an_order_and_a_page_are_kept(names):
    assert names(Sort=["-Name"]) == ["Node 3", "Node 2", "Node 1"]
    assert names(Sort=["Name"], From=1, Count=1) == ["Node 2"]
    assert names(From=7) == []


def test_a_page_tells_how_many_there_are(api, names):
    answer = api.get("switch", query={"From": 1, "Count": 1})

    assert (answer["From"], answer["Count"], answer["Total"]) == (1, 1, 3)
    assert answer["Switches"][0]["Index"] == 1


def test_fields_can_be_chosen_and_left_out(api, names):
    chosen = api.get("switch", query={"Include": ["ID", "Zone.Name"]})["Switches"][0]
    rest = api.get("switch", query={"Exclude": ["Zone.Region", "Tags"]})["Switches"][0]

    assert chosen == {"Index": 0, "ID": chosen["ID"], "Zone": {"Name": "is1a"}}
    assert "Tags" not in rest
    assert rest["Zone"]["Name"] == "is1a"
    assert "Region" not in rest["Zone"]


def _ask_raw(api, query):
    """Exactly these bytes after `?`: the Go client escapes the values and leaves the JSON bare."""
    connection = http.client.HTTPConnection("127.0.0.1", api.places.port, timeout=10)
    key = b64encode(f"{api.credentials.token}:{api.credentials.secret}".encode()).decode()
    path = f"/cloud/zone/is1a/api/cloud/1.1/switch?{query}"
    connection.request("GET", path, headers={"Authorization": f"Basic {key}"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_values_may_be_escaped_inside_bare_json_or_with_it(api):
    name = '学習 "1"'
    api.post("switch", {"Switch": {"Name": name}})
    inside = f'{{"Filter":{{"Name":["{quote(name)}"]}}}}'
    around = quote(json.dumps({"Filter": {"Name": [name]}}))

    assert _ask_raw(api, inside)["Total"] == 1
    assert _ask_raw(api, around)["Total"] == 1


UNREADABLE = [
    *("{", "[1]", "From=1", '{"Count":-1}', '{"Count":1e999}', '{"Filter":1}', "[" * 20_000),
    *('{"Include":5}', '{"Exclude":[null]}', '{"Sort":{"Name":1}}'),
]


@pytest.mark.parametrize("query", UNREADABLE)
def test_a_query_that_cannot_be_read_is_refused(api, query):
    assert api.call("GET", "switch", query=query).status_code == 400
