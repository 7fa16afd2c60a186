"""The language host as a process, asked over gRPC what the engine asks."""

import json
import os
import platform
import pwd
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import grpc
import pytest
from airgap_processes import ends_within, wait_for_text
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, language_pb2

from kokunai.airgap.language_host import program as program_module

# Writes its process id, then that of a process of its own, and stays.
_STAYS = """
import os, subprocess, sys, time
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open("pids", "w").write(f"{os.getpid()} {other.pid}\\n")
"""
_SLEEP = "time.sleep(60)\n"


def write_project(directory: Path, body: str) -> Path:
    (directory / "__main__.py").write_text(body, encoding="utf-8")
    return directory


def write_python(directory: Path, script: str) -> None:
    python = directory / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def ask_to_run(host, info, script=None, **fields):
    """Start a call of Run and return its future answer.

    The program's Python leaves the SDK out, which would wait for an engine: it notes its own
    command line and runs the program alone.
    """
    note = 'echo "$@" > line; for entry; do :; done'
    alone = f'{note}; exec {sys.executable} "$entry"'
    write_python(Path(info.program_directory), script or alone)
    info.options.update({"virtualenv": "env"})
    request = language_pb2.RunRequest(
        pwd=info.program_directory, info=info, project="p", stack="s", **fields
    )
    return host.stub.Run.future(request)


def ask_to_run_plugin(host, info, **fields):
    environment = [f"{name}={value}" for name, value in os.environ.items()]
    fields = {"env": environment, "kind": "resource", "pwd": info.program_directory, **fields}
    return host.stub.RunPlugin(language_pb2.RunPluginRequest(info=info, **fields))


def read_pids(directory: Path) -> list[int]:
    return [int(pid) for pid in wait_for_text(directory / "pids").split()]


def test_the_host_says_its_version(host):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())

    assert host.stub.GetPluginInfo(Empty()).version == project["project"]["version"]


_OTHER_USER = """
import os, sys, grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2_grpc
os.setuid(int(sys.argv[2]))
stub = language_pb2_grpc.LanguageRuntimeStub(grpc.insecure_channel(sys.argv[1]))
try:
    stub.GetPluginInfo(Empty(), timeout=10)
except grpc.RpcError as error:
    print(error.code().name)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_is_refused(host):
    address, user = f"127.0.0.1:{host.port}", str(pwd.getpwnam("nobody").pw_uid)

    command = [sys.executable, "-c", _OTHER_USER, address, user]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)

    assert done.stdout == "PERMISSION_DENIED\n"
    assert host.stub.GetPluginInfo(Empty()).version


def test_what_it_starts_reaches_this_machine_without_a_proxy(host, tmp_path, describe):
    body = "import os; print(os.environ['no_proxy'], os.environ.get('https_proxy'))"
    info = describe(write_project(tmp_path, body))
    given = ["https_proxy=http://proxy.example:1", "no_proxy=corp.example"]

    responses = list(ask_to_run_plugin(host, info, env=[*given, f"PATH={os.environ['PATH']}"]))

    said = b"".join(response.stdout for response in responses)
    assert said == b"corp.example,127.0.0.1,localhost,::1 http://proxy.example:1\n"


def test_a_package_on_pythonpath_that_hides_ours_is_told_in_a_sentence(tmp_path):
    old, program = tmp_path / "old", tmp_path / "program"
    old.mkdir()
    program.mkdir()
    (old / "typing_extensions.py").write_text("")
    script = Path(program_module.__file__)
    command = [sys.executable, str(script), "--", str(program)]

    done = subprocess.run(
        command, env={"PYTHONPATH": str(old)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "unset PYTHONPATH" in done.stderr
    assert "Traceback" not in done.stderr


def test_code_is_refused_with_how_to_do_without(host):
    with pytest.raises(grpc.RpcError) as refusal:
        host.stub.GenerateProgram(language_pb2.GenerateProgramRequest())

    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "--generate-code=false" in refusal.value.details()


def test_the_host_does_without_the_packages_it_does_not_need(host):
    modules = Path(f"/proc/{host.process.pid}/maps").read_text()

    assert "grpc" in modules
    assert "pydantic" not in modules


def test_nothing_is_asked_of_somebody_who_makes_a_project(host, tmp_path, describe):
    request = language_pb2.RuntimeOptionsRequest(info=describe(tmp_path))

    assert list(host.stub.RuntimeOptionsPrompts(request).prompts) == []


def test_code_generation_is_unimplemented(host):
    with pytest.raises(grpc.RpcError) as refusal:
        host.stub.GeneratePackage(language_pb2.GeneratePackageRequest())

    assert refusal.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_the_ambient_python_is_the_hosts_own(host, tmp_path, describe):
    about = host.stub.About(language_pb2.AboutRequest(info=describe(tmp_path)))

    assert about.executable == sys.executable


def test_the_version_is_that_of_the_python_in_use(host, tmp_path, describe):
    about = host.stub.About(language_pb2.AboutRequest(info=describe(tmp_path)))

    assert about.version == platform.python_version()


def test_a_missing_virtual_environment_is_refused_with_its_path(host, tmp_path, describe):
    request = language_pb2.GetRequiredPackagesRequest(info=describe(tmp_path, virtualenv="gone"))

    with pytest.raises(grpc.RpcError) as refusal:
        host.stub.GetRequiredPackages(request)

    assert f"仮想環境 {tmp_path / 'gone'} がありません" in refusal.value.details()
    assert "pulumi install" in refusal.value.details()


def test_an_unknown_toolchain_is_refused_with_those_that_work(host, tmp_path, describe):
    request = language_pb2.AboutRequest(info=describe(tmp_path, toolchain="poetry"))

    with pytest.raises(grpc.RpcError) as refusal:
        host.stub.About(request)

    assert "supported: pip, uv" in refusal.value.details()


def test_a_virtual_environment_is_found_beside_the_project_file(host, tmp_path, describe):
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "main").mkdir()
    info = describe(write_project(tmp_path / "main", ""), virtualenv="env")
    info.root_directory = str(tmp_path)

    assert host.stub.About(language_pb2.AboutRequest(info=info)).executable == str(python)


def test_required_packages_are_what_installed_sdks_declare(host, tmp_path, describe):
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    site = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    for name, content in {
        "pulumi_random": '{"resource": true, "name": "random", "version": "4.1.0"}',
        "pulumi_undated": '{"resource": true}',
        "pulumi_policy": '{"resource": false}',
        "pulumi_broken": "{",
    }.items():
        (site / name).mkdir(parents=True)
        (site / name / "pulumi-plugin.json").write_text(content)
    (site / "pulumi_undated-2.0.1.dist-info").mkdir()
    request = language_pb2.GetRequiredPackagesRequest(info=describe(tmp_path, virtualenv="env"))

    packages = host.stub.GetRequiredPackages(request).packages

    assert [(package.name, package.version) for package in packages] == [
        ("random", "v4.1.0"),
        ("undated", "v2.0.1"),
    ]


def test_dependencies_are_listed_direct_ones_alone_when_asked(host, tmp_path, describe):
    def ask(*, transitive: bool) -> set[str]:
        request = language_pb2.GetProgramDependenciesRequest(
            info=describe(tmp_path), transitiveDependencies=transitive
        )
        return {found.name for found in host.stub.GetProgramDependencies(request).dependencies}

    assert "grpcio" in ask(transitive=True)
    assert "grpcio" not in ask(transitive=False)


def test_install_makes_the_virtual_environment_the_project_names(host, tmp_path, describe):
    info = describe(tmp_path, virtualenv="env")
    request = language_pb2.InstallDependenciesRequest(directory=str(tmp_path), info=info)

    list(host.stub.InstallDependencies(request))

    assert (tmp_path / "env" / "bin" / "python").exists()


def test_a_failed_installation_says_which_command_failed(host, tmp_path, describe):
    (tmp_path / "requirements.txt").write_text("./not-there\n")
    info = describe(tmp_path, virtualenv="env")
    request = language_pb2.InstallDependenciesRequest(directory=str(tmp_path), info=info)

    with pytest.raises(grpc.RpcError) as refusal:
        list(host.stub.InstallDependencies(request))

    assert "pip install" in refusal.value.details()
    assert "終了コード" in refusal.value.details()


def test_a_plugins_output_and_exit_code_are_passed_on(host, tmp_path, describe):
    body = "import sys; print('1234', sys.argv[1:]); print('hush', file=sys.stderr); sys.exit(3)"
    info = describe(write_project(tmp_path, body))

    responses = list(ask_to_run_plugin(host, info, args=["127.0.0.1:9"]))

    assert b"".join(r.stdout for r in responses) == b"1234 ['127.0.0.1:9']\n"
    assert b"".join(r.stderr for r in responses) == b"hush\n"
    assert responses[-1].exitcode == 3


def test_a_plugin_sees_the_environment_of_the_call_in_the_directory_of_the_call(
    host, tmp_path, describe
):
    info = describe(write_project(tmp_path, "import os; print(os.getcwd(), os.environ['MARK'])"))

    responses = list(ask_to_run_plugin(host, info, pwd="/", env=["MARK=a=b"]))

    assert b"".join(response.stdout for response in responses) == b"/ a=b\n"


def test_what_a_plugin_leaves_behind_ends_with_it(host, tmp_path, describe):
    info = describe(write_project(tmp_path, _STAYS))

    responses = list(ask_to_run_plugin(host, info))

    assert responses[-1].exitcode == 0
    assert ends_within(read_pids(tmp_path)[1], seconds=2)


def test_a_process_outside_of_the_plugins_group_does_not_keep_its_end_secret(
    host, tmp_path, describe
):
    outside = _STAYS.replace('"])', '"], start_new_session=True)')
    info = describe(write_project(tmp_path, outside))

    responses = list(ask_to_run_plugin(host, info))

    assert responses[-1].exitcode == 0
    os.kill(read_pids(tmp_path)[1], signal.SIGKILL)


def test_what_a_program_leaves_behind_ends_with_it(host, tmp_path, describe):
    answer = ask_to_run(host, describe(write_project(tmp_path, _STAYS))).result()

    assert answer.error == ""
    assert ends_within(read_pids(tmp_path)[1], seconds=2)


def test_a_directory_that_cannot_be_run_is_refused(host, tmp_path, describe):
    with pytest.raises(grpc.RpcError) as refusal:
        list(ask_to_run_plugin(host, describe(tmp_path)))

    assert "__main__.py" in refusal.value.details()


def test_a_plugin_ends_with_the_call_and_takes_its_processes_along(host, tmp_path, describe):
    info = describe(write_project(tmp_path, _STAYS + _SLEEP))
    call = ask_to_run_plugin(host, info)
    pids = read_pids(tmp_path)

    call.cancel()

    assert all(ends_within(pid, seconds=3) for pid in pids)


def test_a_plugin_that_ignores_the_interrupt_is_killed(host, tmp_path, describe):
    deaf = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    call = ask_to_run_plugin(host, describe(write_project(tmp_path, deaf + _STAYS + _SLEEP)))
    pids = read_pids(tmp_path)

    call.cancel()

    assert all(ends_within(pid, seconds=5) for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_host_and_its_children_quickly_and_quietly(
    host, tmp_path, describe, number
):
    call = ask_to_run_plugin(host, describe(write_project(tmp_path, _STAYS + _SLEEP)))
    pids = read_pids(tmp_path)

    start = time.monotonic()
    host.process.send_signal(number)
    exit_code = host.process.wait(timeout=5)

    assert time.monotonic() - start < 2
    assert exit_code == 0
    assert host.process.stderr.read() == ""
    assert all(ends_within(pid, seconds=1) for pid in pids)
    call.cancel()


def test_a_plugin_told_to_end_may_finish_although_its_host_ends_too(host, tmp_path, describe):
    tidy = """
import signal, sys, time
def finish(*_):
    time.sleep(0.5)
    open("tidy", "w").write("done\\n")
    sys.exit()
signal.signal(signal.SIGINT, finish)
"""
    call = ask_to_run_plugin(host, describe(write_project(tmp_path, tidy + _STAYS + _SLEEP)))
    read_pids(tmp_path)

    call.cancel()
    host.process.send_signal(signal.SIGINT)
    host.process.wait(timeout=5)

    assert (tmp_path / "tidy").exists()


def test_the_host_ends_when_nobody_reads_its_output_any_more(host):
    host.process.stdout.close()

    assert host.process.wait(timeout=5) == 0


def test_a_killed_host_leaves_no_child(host, tmp_path, describe):
    call = ask_to_run_plugin(host, describe(write_project(tmp_path, _STAYS + _SLEEP)))
    plugin, other = read_pids(tmp_path)

    host.process.kill()

    assert ends_within(plugin, seconds=2)
    call.cancel()
    os.kill(other, signal.SIGKILL)  # a plugin ties its own children to itself


def test_a_program_gets_its_configuration_by_the_environment_alone(host, tmp_path, describe):
    look = "import json, os; open('seen', 'w').write(json.dumps(dict(os.environ)))"
    info = describe(write_project(tmp_path, look))

    answer = ask_to_run(host, info, config={"p:k": "hush"}, configSecretKeys=["p:k"]).result()

    environment = json.loads((tmp_path / "seen").read_text())
    line = (tmp_path / "line").read_text()
    assert answer.error == ""
    assert not answer.bail
    assert "--project p --stack s" in line
    assert environment["PULUMI_CONFIG"] == '{"p:k": "hush"}'
    assert environment["PULUMI_CONFIG_SECRET_KEYS"] == '["p:k"]'
    assert "hush" not in line


def test_a_type_checker_that_is_not_content_keeps_the_program_from_running(
    host, tmp_path, describe
):
    info = describe(tmp_path, typechecker="mypy")
    call = ask_to_run(host, info, script='test "$1 $2" != "-m mypy" && touch ran')

    assert "exit code 1" in call.result().error
    assert not (tmp_path / "ran").exists()


def test_an_unknown_type_checker_is_refused_with_those_that_work(host, tmp_path, describe):
    call = ask_to_run(host, describe(write_project(tmp_path, ""), typechecker="pytype"))

    assert "supported: mypy, pyright" in call.exception().details()


def test_a_debugger_is_refused(host, tmp_path, describe):
    call = ask_to_run(host, describe(write_project(tmp_path, "")), attach_debugger=True)

    assert "--attach-debugger" in call.exception().details()


@pytest.mark.parametrize("kind", ["resource", "analyzer"])
def test_a_debugger_for_a_plugin_is_refused(host, tmp_path, describe, kind):
    info = describe(write_project(tmp_path, ""))

    with pytest.raises(grpc.RpcError) as refusal:
        list(ask_to_run_plugin(host, info, kind=kind, attach_debugger=True))

    assert "--attach-debugger" in refusal.value.details()


def test_a_directory_that_is_gone_is_named(host, tmp_path, describe):
    call = ask_to_run_plugin(host, describe(write_project(tmp_path, "")), pwd="/not/there")

    with pytest.raises(grpc.RpcError) as refusal:
        list(call)

    assert "/not/there" in refusal.value.details()


def test_a_plugin_can_be_interrupted_although_its_host_was_started_to_ignore_it(
    host_that_ignores_interrupts, tmp_path, describe
):
    body = "import signal; print(signal.getsignal(signal.SIGINT) == signal.default_int_handler)"

    responses = list(
        ask_to_run_plugin(host_that_ignores_interrupts, describe(write_project(tmp_path, body)))
    )

    assert responses[0].stdout.strip() == b"True"


def test_a_program_that_fails_without_a_word_is_reported_with_its_exit_code(
    host, tmp_path, describe
):
    info = describe(write_project(tmp_path, "import os; os._exit(7)"))

    error = ask_to_run(host, info).result().error

    assert "終了コード 7" in error
    assert "exit code 7" in error


def test_a_program_that_showed_its_reason_is_not_reported_again(host, tmp_path, describe):
    info = describe(write_project(tmp_path, "import os; os._exit(32)"))

    answer = ask_to_run(host, info).result()

    assert answer.bail
    assert answer.error == ""


def test_a_killed_program_is_reported_with_the_signal(host, tmp_path, describe):
    info = describe(write_project(tmp_path, "import os; os.kill(os.getpid(), 9)"))

    assert "SIGKILL" in ask_to_run(host, info).result().error


def test_a_cancelled_program_ends_and_never_counts_as_complete(host, tmp_path, describe):
    info = describe(write_project(tmp_path, _STAYS + _SLEEP))
    answer = ask_to_run(host, info)
    pids = read_pids(tmp_path)

    host.stub.Cancel(Empty())

    assert answer.result().bail
    assert all(ends_within(pid, seconds=3) for pid in pids)


def test_a_program_after_a_cancelled_one_counts(host, tmp_path, describe):
    host.stub.Cancel(Empty())

    answer = ask_to_run(host, describe(write_project(tmp_path, ""))).result()

    assert not answer.bail


def test_a_program_ends_with_its_call(host, tmp_path, describe):
    info = describe(write_project(tmp_path, _STAYS + _SLEEP))
    answer = ask_to_run(host, info)
    pids = read_pids(tmp_path)

    answer.cancel()

    assert all(ends_within(pid, seconds=3) for pid in pids)


_PACK = """
import os, pulumi
from pulumi_policy import PolicyPack, ResourceValidationPolicy
print("loaded")
facts = [pulumi.get_project(), pulumi.get_stack(), pulumi.Config("p").get("k"), os.getcwd()]
rule = ResourceValidationPolicy("rule", " ".join(map(str, facts)), lambda args, report: None)
PolicyPack("pack", [rule])
"""


class Pack:
    """A policy pack started through the host, read in a thread as the engine reads it."""

    def __init__(self, host, info) -> None:
        self.output: list[bytes] = []
        self._ported = threading.Event()
        self._call = ask_to_run_plugin(host, info, kind="analyzer", args=["127.0.0.1:9"], pwd="/")
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self._ported.wait(10)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self.output[0])}")
        self.stub = analyzer_pb2_grpc.AnalyzerStub(self.channel)

    def _read(self) -> None:
        try:
            for response in self._call:
                self.output.append(response.stdout)
                self._ported.set()
        except grpc.RpcError:
            pass  # cancelled at the end of the test

    def close(self) -> None:
        self.channel.close()
        self._call.cancel()
        self._thread.join()


def test_a_pack_knows_the_stack_when_it_starts(host, tmp_path, describe):
    pack = Pack(host, describe(write_project(tmp_path, _PACK)))

    pack.stub.Handshake(analyzer_pb2.AnalyzerHandshakeRequest())
    pack.stub.ConfigureStack(
        analyzer_pb2.AnalyzerStackConfigureRequest(project="p", stack="s", config={"p:k": "v"})
    )
    info = pack.stub.GetAnalyzerInfo(Empty())

    assert info.name == "pack"
    assert info.policies[0].description == f"p s v {tmp_path}"
    assert b"loaded\n" in pack.output
    pack.close()


def test_a_pack_asked_without_a_stack_starts_without_one(host, tmp_path, describe):
    pack = Pack(host, describe(write_project(tmp_path, _PACK.replace("pulumi.get_stack()", "0"))))

    info = pack.stub.GetAnalyzerInfo(Empty())

    assert info.policies[0].description.startswith("project 0 None")
    pack.close()


def test_a_pack_without_its_virtual_environment_is_refused_before_it_is_asked(
    host, tmp_path, describe
):
    info = describe(write_project(tmp_path, _PACK), virtualenv="gone")

    with pytest.raises(grpc.RpcError) as refusal:
        list(ask_to_run_plugin(host, info, kind="analyzer"))

    assert f"there is no virtual environment at {tmp_path / 'gone'}" in refusal.value.details()


def test_a_pack_that_does_not_come_up_fails_the_calls_that_wait_for_it(host, tmp_path, describe):
    pack = Pack(host, describe(write_project(tmp_path, "raise SystemExit(4)")))

    with pytest.raises(grpc.RpcError) as refusal:
        pack.stub.GetAnalyzerInfo(Empty())

    assert "exit code 4" in refusal.value.details()
    pack.close()
