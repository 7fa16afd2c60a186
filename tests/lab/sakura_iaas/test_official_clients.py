"""What Sakura's own clients send and expect: usacloud, saklient and the Terraform providers."""

import json
import shutil

import pytest
from sakura_account import PUBLIC_KEY

from kokunai.lab.hosts import identity

pytestmark = pytest.mark.slow

SCOPES = {
    # github.com/sacloud/iaas-api-go v1.29.2, ostype/filter_criteria.go
    "debian": ["current-stable", "distro-debian"],
    "debian12": ["debian-12-latest"],
    "ubuntu": ["current-stable", "distro-ubuntu"],
    "ubuntu2204": ["ubuntu-22.04-latest"],
    "ubuntu2404": ["ubuntu-24.04-latest"],
    "almalinux": ["current-stable", "distro-alma"],
    "almalinux9": ["alma-9-latest"],
    "rockylinux": ["current-stable", "distro-rocky"],
    "rockylinux9": ["rocky-9-latest"],
}


def test_a_public_key_is_kept_with_the_line_end_of_its_file(api):
    """`public_key = file(...)` of the Terraform providers compares it with the file."""
    line = f"{PUBLIC_KEY} \n"

    key = api.post("sshkey", {"SSHKey": {"Name": "k", "PublicKey": line}})["SSHKey"]
    server = api.make_running(SSHKeys=[{"ID": key["ID"]}])

    assert key["PublicKey"] == line
    files = identity.configured(api.machines.booted[server["ID"]], "root:*\n", "root:x\n")
    assert files["root/.ssh/authorized_keys"].content == f"{PUBLIC_KEY}\n"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_a_generated_key_gives_its_private_half_once(api):
    made = api.post("sshkey/generate", {"SSHKey": {"Name": "k", "GenerateFormat": "openssh"}})

    kept = api.get(f"sshkey/{made['SSHKey']['ID']}")["SSHKey"]
    assert "OPENSSH PRIVATE KEY" in made["SSHKey"]["PrivateKey"]
    assert kept["PublicKey"].startswith("ssh-rsa ")
    assert "PrivateKey" not in kept


def test_every_zone_of_the_go_client_answers(api):
    """types.ZoneNames of iaas-api-go, which `usacloud server list --zone all` asks one by one."""
    zones = ("tk1a", "tk1b", "is1a", "is1b", "is1c", "tk1v")

    for api.zone in zones:
        assert api.get("server")["Servers"] == []
        assert api.get("archive")["Total"] == 5
        assert api.get("cdrom")["Total"] == 2


@pytest.mark.parametrize("name", SCOPES)
def test_an_archive_is_found_by_the_tags_of_its_os_type(api, name):
    query = {"Filter": {"Tags.Name": [SCOPES[name]], "Scope": ["shared"]}}

    archives = api.get("archive", query=query)["Archives"]

    assert len(archives) == 1
    is_debian = name.startswith("debian")
    assert ("SIMULATION" in archives[0]["Description"]) is not is_debian


@pytest.mark.parametrize("name", ["ubuntu2204", "almalinux9", "rockylinux9"])
def test_a_host_of_another_image_says_what_runs_instead(api, name):
    query = {"Filter": {"Tags.Name": [SCOPES[name]]}}
    archive = api.get("archive", query=query)["Archives"][0]
    server = api.make_server("shared")
    disk = {"Name": "d", "SizeMB": 20480, "Plan": {"ID": 4}, "Server": {"ID": server["ID"]}}

    api.post(
        "disk", {"Disk": {**disk, "SourceArchive": {"ID": archive["ID"]}}, "BootAtAvailable": True}
    )
    api.wait_until_idle()

    label = identity.labels(api.machines.booted[server["ID"]])["etc/kokunai-simulation"].content
    assert f"The image is {archive['Name']}; what runs is the lab's Debian 12." in label


def test_the_shared_segment_shows_its_subnet_as_the_users_too(api):
    """terraform-provider-sakuracloud issue 97 shows both in an answer of the real API."""
    switch = api.make_server("shared")["Interfaces"][0]["Switch"]

    shown = {name: switch["Subnet"][name] for name in ("DefaultRoute", "NetworkMaskLen")}
    assert switch["UserSubnet"] == shown


def test_a_method_in_the_header_counts(api):
    """saklient posts everything that changes something (saklient/cloud/client.py)."""
    path = f"switch/{api.make_switch('old')}"

    def posted(method, body):
        return api.call("POST", path, body, headers={"X-Sakura-HTTP-Method": method})

    changed = posted("PUT", {"Switch": {"Name": "new"}})
    deleted = posted("DELETE", {})

    assert changed.json()["Switch"]["Name"] == "new"
    assert deleted.status_code == 200
    assert api.refused("GET", path) == (404, "not_found")


def test_a_method_in_the_header_of_a_get_does_not_count(api):
    path = f"switch/{api.make_switch()}"

    api.get(path, headers={"X-Sakura-HTTP-Method": "DELETE"})

    assert api.get(path)["Switch"]["Name"] == "switch"


def test_a_plan_may_be_changed_by_its_id(api):
    """saklient: PUT server/{id}/to/plan/{planid}."""
    server = api.make_server()

    changed = api.put(f"server/{server['ID']}/to/plan/200004002")["Server"]
    unknown = api.refused("PUT", f"server/{changed['ID']}/to/plan/1")

    assert (changed["ServerPlan"]["CPU"], changed["ServerPlan"]["MemoryMB"]) == (2, 4096)
    assert unknown == (400, "param_res_not_found")


def test_all_disks_go_with_their_server(api):
    server = api.make_server()
    for _ in range(2):
        api.make_disk(server["ID"])
    api.wait_until_idle()

    api.delete(f"server/{server['ID']}", {"WithDisk": True})

    assert api.state()["counts"]["disks"] == 0


def test_an_empty_packet_filter_has_no_expression(api):
    body = {"PacketFilter": {"Name": "f", "Expression": []}}

    assert api.post("packetfilter", body)["PacketFilter"]["Expression"] is None


def test_an_answer_can_be_asked_for_in_lines(api):
    answer = api.call("GET", "zone/31001", headers={"X-Sakura-API-Beautify": "1"})

    assert answer.text.startswith('{\n    "Zone": {\n')
    assert json.loads(answer.text)["Zone"]["Name"] == "is1a"


@pytest.mark.parametrize("path", ["monitor"])
def test_what_was_not_measured_is_null(api, path):
    """naked/monitor.go of iaas-api-go leaves out moments whose values are null."""
    server = api.make_server("shared")
    nic, disk = server["Interfaces"][0]["ID"], api.make_disk()["ID"]
    span = {"Start": "2026-11-01T00:01:00+09:00", "End": "2026-10-31T15:15:00Z"}

    cpu = api.get(f"server/{server['ID']}/{path}", query=span)["Data"]

    assert cpu == {f"2026-11-01T00:{m:02}:00+09:00": {"CPU-TIME": None} for m in (5, 10, 15)}
    assert set(api.get(f"interface/{nic}/{path}")["Data"].popitem()[1]) == {"Receive", "Send"}
    assert set(api.get(f"disk/{disk}/{path}")["Data"].popitem()[1]) == {"Read", "Write"}
    unreadable = api.call("GET", f"disk/{disk}/{path}", query={"Start": "yesterday"})
    assert unreadable.json()["error_code"] == "invalid_format"


def test_ids_below_remark_stay_text(api):
    """libsacloud's recorded NFS appliance has them as text beside numbers elsewhere."""
    remark = {
        "Switch": {"ID": api.make_switch()},
        "Network": {"NetworkMaskLen": 24},
        "Servers": [{"IPAddress": "192.168.0.21"}],
    }
    body = {"Appliance": {"Class": "nfs", "Name": "n", "Plan": {"ID": 101}, "Remark": remark}}
    appliance_id = api.post("appliance", body)["Appliance"]["ID"]

    shown = api.get(f"appliance/{appliance_id}", headers={"X-Sakura-Bigint-As-Int": "1"})

    appliance = shown["Appliance"]
    assert appliance["ID"] == int(appliance_id)
    assert appliance["Plan"] == {"ID": 101}
    assert appliance["Remark"]["Plan"] == {"ID": "101"}
    assert appliance["Remark"]["Zone"] == {"ID": "31001"}
    assert appliance["ServiceClass"] == "cloud/appliance/nfs/100gb"
