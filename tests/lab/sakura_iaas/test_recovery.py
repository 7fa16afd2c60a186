"""What a new process makes of the store an old one left; two labs and many clients at once."""

from concurrent.futures import ThreadPoolExecutor

from emulator import Recorder

from kokunai.errors import KokunaiError
from kokunai.lab.delays import Delays

NEVER = Delays(copy_seconds=3600, boot_seconds=3600, stop_seconds=0)


def test_a_restart_boots_what_must_be_on_and_only_that(open_api):
    before = open_api()
    on, off = before.make_running(), before.make_server("shared")
    before.stop()

    after = open_api()
    after.wait_until_idle()

    assert after.status_of(on["ID"]) == "up"
    assert after.status_of(off["ID"]) == "down"
    assert [call for call in after.machines.calls if call[0] == "boot"] == [("boot", on["ID"])]


def test_a_restart_leaves_running_hosts_alone_and_removes_strangers(open_api):
    before = open_api()
    on = before.make_running()
    before.stop()
    machines = Recorder()
    machines._on = {on["ID"], "113999999999"}

    after = open_api(machines=machines)
    after.wait_until_idle()

    assert after.status_of(on["ID"]) == "up"
    assert [call for call in machines.calls if call[0] != "ensure_switch"] == [
        ("power_off", "113999999999", True),
        ("remove_machine", "113999999999"),
    ]


def test_a_restart_goes_on_with_copies_and_boots(open_api):
    before = open_api(delays=NEVER)
    server = before.make_server("shared")
    before.make_disk(server["ID"], BootAtAvailable=True)
    switch_id = before.make_switch()
    before.stop()

    after = open_api()
    state = after.wait_until_idle()

    assert after.status_of(server["ID"]) == "up"
    assert ("ensure_switch", switch_id) in after.machines.calls
    assert state["owed"] == 0


def test_what_could_not_be_removed_is_removed_after_a_restart(open_api):
    class Stuck(Recorder):
        def remove_machine(self, server_id):
            raise KokunaiError(ja="使用中", en="busy")

    before = open_api(machines=Stuck())
    server = before.make_server()
    before.delete(f"server/{server['ID']}")
    owed = before.state()["owed"]
    before.stop()

    after = open_api()

    assert owed == 1
    assert after.wait_until_idle()["owed"] == 0
    assert ("remove_machine", server["ID"]) in after.machines.calls


def test_clients_at_the_same_time_get_different_ids_and_addresses(api):
    with ThreadPoolExecutor(8) as pool:
        servers = list(pool.map(lambda _: api.make_server("shared"), range(24)))

    ids = {server["ID"] for server in servers}
    addresses = {server["Interfaces"][0]["IPAddress"] for server in servers}
    macs = {server["Interfaces"][0]["MACAddress"] for server in servers}
    assert (len(ids), len(addresses), len(macs)) == (24, 24, 24)


def test_labs_side_by_side_share_neither_port_nor_network(open_api):
    labs = [open_api(f"lab-{number}") for number in range(4)]

    labs[0].make_switch()

    assert len({lab.places.port for lab in labs}) == 4
    assert len({lab.places.shared_network for lab in labs}) == 4
    assert labs[1].get("switch")["Total"] == 0
