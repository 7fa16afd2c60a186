"""What the emulated provider sells and says of itself."""

import json

import httpx
import pytest


def test_zones_carry_their_region_and_its_name_servers(api):
    zones = api.get("zone")["Zones"]

    assert [zone["Name"] for zone in zones] == ["tk1a", "tk1b", "is1a", "is1b", "is1c", "tk1v"]
    assert zones[2]["Region"]["NameServers"] == ["133.242.0.3", "133.242.0.4"]
    assert api.get("zone/31001")["Zone"]["Name"] == "is1a"


@pytest.mark.parametrize(
    ("model", "plan_id"),
    [("nvidia_v100_32gbvram", 201056004), ("nvidia_h100_80gbvram", 210096019)],
)
def test_gpu_plans_are_sold_in_ishikari_1_only(api, model, plan_id):
    query = {"Filter": {"GPUModel": [model]}}

    here = api.get("product/server", query=query)["ServerPlans"]
    api.zone = "tk1b"
    there = api.get("product/server", query=query)["ServerPlans"]

    assert [plan["ID"] for plan in here] == [plan_id]
    assert here[0]["Generation"] == 200
    assert here[0]["Commitment"] == "standard"
    assert there == []


def test_ordinary_plans_are_sold_everywhere(api):
    for api.zone in ("is1a", "is1b", "tk1a", "tk1b"):
        plans = api.get("product/server", query={"Filter": {"CPU": 2, "MemoryMB": 4096}})

        assert {plan["Generation"] for plan in plans["ServerPlans"]} == {100, 200}


def test_disk_plans_list_their_sizes(api):
    ssd = api.get("product/disk/4")["DiskPlan"]

    assert ssd["Name"] == "SSDプラン"
    assert ssd["Size"][0]["SizeMB"] == 20480


def test_every_zone_has_the_public_archive(api):
    names = set()
    for api.zone in ("is1a", "is1b", "tk1a", "tk1b"):
        archive = api.get("archive")["Archives"][0]
        names.add(archive["Name"])
        assert {"os-linux", "distro-debian", "arch-64bit", "current-stable"} <= {*archive["Tags"]}
        assert api.get(f"archive/{archive['ID']}")["Archive"]["SizeMB"] == 20480

    assert names == {"Debian GNU/Linux 12 (bookworm) 64bit"}


def test_the_price_list_needs_no_key(api):
    answer = httpx.get(f"{api.root}/is1a/api/cloud/1.1/public/price.json", trust_env=False).json()

    prices = {row["ServiceClassPath"]: row["Price"] for row in answer["ServiceClasses"].values()}
    assert prices["cloud/plan/4core-56gb-1gpu-g2"] == {
        "Hourly": 481,
        "Daily": 11550,
        "Monthly": 231000,
        "Zone": "is1a",
    }


def test_the_key_may_create(api):
    status = api.get("auth-status")

    assert (status["IsAPIKey"], status["Permission"]) == (True, "create")


def test_the_public_note_lists_nfs_plans(api):
    notes = api.get("note", query={"Filter": {"Name": ["sys-nfs"], "Class": ["json"]}})["Notes"]

    plans = json.loads(notes[0]["Content"])["plans"]
    assert {"size": 100, "availability": "available", "planId": 201} in plans["SSD"]
    assert "@zone=is1a" in notes[0]["Tags"]
    assert api.refused("DELETE", f"note/{notes[0]['ID']}") == (403, "forbidden")
