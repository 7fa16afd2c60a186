"""Runs a plugin or a policy pack and passes on what it prints, its port first."""

from collections.abc import AsyncGenerator
from pathlib import Path

from pulumi.runtime.proto import language_pb2

from kokunai.airgap.language_host.children import Child, Children
from kokunai.airgap.language_host.interpreters import find_interpreter
from kokunai.airgap.language_host.output import stream_output
from kokunai.airgap.language_host.plugins import plan_command
from kokunai.airgap.language_host.policy_proxy import PolicyProxy
from kokunai.airgap.language_host.program_runs import refuse_debugger

Responses = AsyncGenerator[language_pb2.RunPluginResponse, None]


def run(request: language_pb2.RunPluginRequest, children: Children) -> Responses:
    """Yield the plugin's output, then its exit code; the plugin ends with the iteration."""
    refuse_debugger(wanted=request.attach_debugger)
    if request.kind == "analyzer":
        return run_pack(request, children)
    return run_plugin(request, children)


async def run_plugin(request: language_pb2.RunPluginRequest, children: Children) -> Responses:
    child = start(request, children, cwd=request.pwd, extra={})
    try:
        async for name, data in stream_output(child):
            yield respond(name, data)
        yield language_pb2.RunPluginResponse(exitcode=await child.wait())
    finally:
        await children.stop(child)


async def run_pack(request: language_pb2.RunPluginRequest, children: Children) -> Responses:
    find_interpreter(request.info)  # refused here: once there is a port, the engine asks that alone
    proxy = PolicyProxy()
    child = None
    try:
        yield respond("stdout", b"%d\n" % await proxy.listen())
        environment = await proxy.await_environment()
        cwd = request.info.program_directory
        child = start(request, children, cwd=cwd, extra=environment)
        async for response in serve_pack(child, proxy):
            yield response
    finally:
        if child:
            await children.stop(child)
        await proxy.close()


async def serve_pack(child: Child, proxy: PolicyProxy) -> Responses:
    """Take the port out of the pack's output, and let the engine's calls through to it."""
    attached = False
    pending = b""
    async for name, data in stream_output(child):
        if attached or name == "stderr":
            yield respond(name, data)
            continue
        pending += data
        while not attached and b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            attached = line.strip().isdigit()
            if attached:
                await proxy.attach(int(line))
            else:  # printed by the pack while it loaded
                yield respond("stdout", line + b"\n")
        if attached and pending:
            yield respond("stdout", pending)
    exit_code = await child.wait()
    proxy.fail(
        f"ポリシーパックが終了コード {exit_code} で終わりました。\n"
        f"the policy pack ended with exit code {exit_code} before it served"
    )
    yield language_pb2.RunPluginResponse(exitcode=exit_code)


def start(
    request: language_pb2.RunPluginRequest, children: Children, *, cwd: str, extra: dict[str, str]
) -> Child:
    directory = Path(request.info.program_directory)
    interpreter = find_interpreter(request.info, is_plugin=request.kind != "analyzer")
    command = plan_command(interpreter.executable, directory, list(request.args), kind=request.kind)
    given = dict(pair.partition("=")[::2] for pair in request.env)
    environment = interpreter.activate(given | extra)
    return children.start(command, cwd=cwd or str(directory), env=environment, piped=True)


def respond(name: str, data: bytes) -> language_pb2.RunPluginResponse:
    if name == "stdout":
        return language_pb2.RunPluginResponse(stdout=data)
    return language_pb2.RunPluginResponse(stderr=data)
