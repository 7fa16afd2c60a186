"""The acceptance tests of Sakura's Go client, unmodified, against the emulator."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from go_program import built
from relay import relay

from kokunai.lab.delays import Delays

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOURCE = Path(__file__).parent / "iaas_api_go"
CLAIMED = yaml.safe_load((SOURCE / "claimed.yaml").read_text("utf-8"))
# The tests take no address from outside, so the linker gives them one that exists nowhere.
ROOT = "http://iaas-api.lab.invalid/cloud/zone"
SHORT = Delays(copy_seconds=0.3, boot_seconds=0.1, stop_seconds=0.1)
KMS_KEY = "113000000901"


@pytest.fixture
def acceptance_tests():
    """Sakura's compiled tests, which call only the address of the proxy."""
    flags = f"-X {CLAIMED['root_variable']}={ROOT}"
    return built(SOURCE, "iaas-api-go-tests", "test", "-c", "-ldflags", flags, CLAIMED["package"])


def run(program, api, tests):
    with relay(api.places.url) as proxy:
        own = {
            "TESTACC": "1",
            "SKIP_CLEANUP": "1",
            "SAKURACLOUD_ACCESS_TOKEN": api.credentials.token,
            "SAKURACLOUD_ACCESS_TOKEN_SECRET": api.credentials.secret,
            "SAKURACLOUD_ZONE": "tk1v",
            "SAKURACLOUD_KMS_KEY_ID": KMS_KEY,
            **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
        }
        wanted = f"^({'|'.join(tests)})$"
        command = [str(program), "-test.v", "-test.parallel=40", f"-test.run={wanted}"]
        return subprocess.run(
            command,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        ).stdout


def test_sakuras_acceptance_tests_of_our_kinds_pass(open_api, acceptance_tests):
    api = open_api(delays=SHORT)
    odd = CLAIMED["only_the_last_step_fails"]

    output = run(acceptance_tests, api, [*CLAIMED["pass"], odd["test"]])

    ends = {name: end for end, name in re.findall(r"^--- (\w+): (\w+)", output, re.MULTILINE)}
    passed = sorted(name for name, end in ends.items() if end == "PASS")
    print(f"iaas-api-go: {len(passed)} of {len(ends)} acceptance tests pass")
    assert passed == sorted(CLAIMED["pass"]), output
    assert ends[odd["test"]] == "FAIL"
    assert output.count("Error Trace:") == 1, output
    assert odd["expected"] in output
    assert odd["actual"] in output
    left = {kind: count for kind, count in api.wait_until_idle()["counts"].items() if count}
    assert left == {odd["left_behind"]: 1}
