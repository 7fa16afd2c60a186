"""Runs a plugin or a policy pack and passes on what it prints, its port first."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncGenerator
from pathlib import Path

from pulumi.runtime.proto import language_pb2

from kokunai.airgap.language_host.children import Child, Children, stream_output
from kokunai.airgap.language_host.interpreters import find_interpreter
from kokunai.airgap.language_host.policy_proxy import PolicyProxy
from kokunai.airgap.language_host.program_runs import refuse_debugger
from kokunai.errors import KokunaiError

Responses = AsyncGenerator[language_pb2.RunPluginResponse, None]


def run(request: language_pb2.RunPluginRequest, children: Children) -> Responses:
    """Yield the plugin's output, then its exit code; the plugin ends with the iteration."""
    refuse_debugger(wanted=request.attach_debugger)
    if request.kind == "analyzer":
        return _run_pack(request, children)
    return _run_plugin(request, children)


async def _run_plugin(request: language_pb2.RunPluginRequest, children: Children) -> Responses:
    child = _start(request, children, cwd=request.pwd, extra={})
    try:
        async for name, data in stream_output(child):
            yield _response(name, data)
        yield language_pb2.RunPluginResponse(exitcode=await child.wait())
    finally:
        await children.stop(child)


async def _run_pack(request: language_pb2.RunPluginRequest, children: Children) -> Responses:
    # A missing Python is refused here, because the engine ignores this call's error after a port.
    find_interpreter(request.info)
    proxy = PolicyProxy()
    child = None
    try:
        yield _response("stdout", b"%d\n" % await proxy.listen())
        environment = await proxy.await_environment()
        cwd = request.info.program_directory
        child = _start(request, children, cwd=cwd, extra=environment)
        async for response in _serve_pack(child, proxy):
            yield response
    finally:
        if child:
            await children.stop(child)
        await proxy.close()


async def _serve_pack(child: Child, proxy: PolicyProxy) -> Responses:
    """Pass on the pack's output except its port, to which the engine's calls are forwarded."""
    attached = False
    pending = b""
    async for name, data in stream_output(child):
        if attached or name == "stderr":
            yield _response(name, data)
            continue
        pending += data
        while not attached and b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            attached = line.strip().isdigit()
            if attached:
                await proxy.attach(int(line))
            else:  # The pack printed this line while it loaded.
                yield _response("stdout", line + b"\n")
        if attached and pending:
            yield _response("stdout", pending)
    exit_code = await child.wait()
    proxy.fail(
        f"ポリシーパックが終了コード {exit_code} で終わりました。\n"
        f"the policy pack ended with exit code {exit_code} before it served"
    )
    yield language_pb2.RunPluginResponse(exitcode=exit_code)


def _start(
    request: language_pb2.RunPluginRequest, children: Children, *, cwd: str, extra: dict[str, str]
) -> Child:
    directory = Path(request.info.program_directory)
    interpreter = find_interpreter(request.info, is_plugin=request.kind != "analyzer")
    command = _plan_command(
        interpreter.executable, directory, list(request.args), kind=request.kind
    )
    given = dict(pair.partition("=")[::2] for pair in request.env)
    environment = interpreter.activate(given | extra)
    if interpreter.virtualenv:
        # An old package there would hide the one that the plugin was installed with.
        environment.pop("PYTHONPATH", None)
    return children.start(command, cwd=cwd or str(directory), env=environment, piped=True)


def _response(name: str, data: bytes) -> language_pb2.RunPluginResponse:
    if name == "stdout":
        return language_pb2.RunPluginResponse(stdout=data)
    return language_pb2.RunPluginResponse(stderr=data)


def _plan_command(python: str, directory: Path, arguments: list[str], *, kind: str) -> list[str]:
    """The command line that serves the plugin in `directory`."""
    if kind == "analyzer":
        return [python, "-u", "-m", "pulumi.policy", *arguments, str(directory)]
    if (directory / "__main__.py").is_file():
        return [python, "-u", str(directory), *arguments]
    return [python, "-u", "-m", "pulumi.run.plugin", _distribution_name(directory), *arguments]


def _distribution_name(directory: Path) -> str:
    """The distribution's name; a directory without one cannot be run."""
    try:
        content = tomllib.loads((directory / "pyproject.toml").read_text(encoding="utf-8"))
        return str(content["project"]["name"])
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise KokunaiError(
            ja=f"{directory} を実行できません。"
            "__main__.py か、name のある pyproject.toml が必要です。",
            en=f"{directory} cannot be run: "
            "it needs a __main__.py, or a pyproject.toml with a name",
        ) from error
