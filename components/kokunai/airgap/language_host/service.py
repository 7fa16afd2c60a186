"""Answers the engine's calls about Python projects."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from kokunai.airgap.language_host import plugin_runs
from kokunai.airgap.language_host.interpreters import find_interpreter, read_python_version
from kokunai.airgap.language_host.program_runs import (
    describe_environment,
    judge_end,
    plan_run,
)
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from kokunai.airgap.language_host.children import Child, Children


@contextlib.asynccontextmanager
async def _refusing_clearly(context: Any) -> AsyncIterator[None]:
    """Turn a KokunaiError of the block into the call's error message."""
    try:
        yield
    except KokunaiError as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The Python side of the engine's contract with a language.

    It generates no code: running needs none. Calls import what only they need, because the
    engine waits for the host to start.
    """

    def __init__(self, engine_address: str, children: Children) -> None:
        self._engine_address = engine_address
        self._children = children
        self._programs: set[Child] = set()

    async def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, _context: Any
    ) -> language_pb2.LanguageHandshakeResponse:
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    async def GetPluginInfo(self, _request: object, _context: Any) -> plugin_pb2.PluginInfo:
        from importlib.metadata import version

        return plugin_pb2.PluginInfo(version=version("kokunai"))

    async def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: Any
    ) -> language_pb2.GetRequiredPackagesResponse:
        from kokunai.airgap.language_host.packages import find_packages

        async with _refusing_clearly(context):
            site_packages = find_interpreter(request.info).site_packages()
        packages = find_packages(site_packages)
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    async def Run(self, request: language_pb2.RunRequest, context: Any) -> language_pb2.RunResponse:
        async with _refusing_clearly(context):
            for command in plan_run(request, self._engine_address):
                answer = await self._run(command, request)
                if answer.error or answer.bail:
                    break
        return answer

    async def _run(
        self, command: Sequence[str], request: language_pb2.RunRequest
    ) -> language_pb2.RunResponse:
        environment = describe_environment(request)
        child = self._children.start(command, cwd=request.pwd, env=environment, piped=False)
        self._programs.add(child)
        try:
            exit_code = await child.wait()
            return judge_end(exit_code, cancelled=child.was_stopped)
        finally:
            self._programs.discard(child)
            await self._children.stop(child)

    # The streaming calls write instead of yielding, so that a cancelled call ends its child at once
    # and not when the garbage collector finds the generator.
    async def RunPlugin(  # type: ignore[override]
        self, request: language_pb2.RunPluginRequest, context: Any
    ) -> None:
        async with (
            _refusing_clearly(context),
            contextlib.aclosing(plugin_runs.run(request, self._children)) as responses,
        ):
            async for response in responses:
                await context.write(response)

    async def InstallDependencies(  # type: ignore[override]
        self, request: language_pb2.InstallDependenciesRequest, context: Any
    ) -> None:
        from kokunai.airgap.language_host.install import install

        async with (
            _refusing_clearly(context),
            contextlib.aclosing(install(request, self._children)) as responses,
        ):
            async for response in responses:
                await context.write(response)

    async def RuntimeOptionsPrompts(
        self, _request: language_pb2.RuntimeOptionsRequest, _context: Any
    ) -> language_pb2.RuntimeOptionsResponse:
        return language_pb2.RuntimeOptionsResponse()

    async def About(
        self, request: language_pb2.AboutRequest, context: Any
    ) -> language_pb2.AboutResponse:
        async with _refusing_clearly(context):
            executable = find_interpreter(request.info).executable
        return language_pb2.AboutResponse(
            executable=executable, version=await read_python_version(executable)
        )

    async def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: Any
    ) -> language_pb2.GetProgramDependenciesResponse:
        from kokunai.airgap.language_host.packages import (
            list_dependencies,
        )

        async with _refusing_clearly(context):
            site_packages = find_interpreter(request.info).site_packages()
        packages = list_dependencies(site_packages, transitive=request.transitiveDependencies)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=version)
                for name, version in packages
            ]
        )

    async def _refuse_code(self, _request: object, context: Any) -> Any:
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "コードは生成できません。import には --generate-code=false を付けてください。\n"
            "This language host generates no code; give --generate-code=false to an import.",
        )

    GenerateProgram = GenerateProject = GeneratePackage = _refuse_code  # type: ignore[assignment]

    async def Cancel(self, _request: object, _context: Any) -> Any:
        """Stop the program; the engine itself asks plugins to stop by a call of their own."""
        for program in tuple(self._programs):
            await self._children.stop(program)
        return empty_pb2.Empty()  # type: ignore[attr-defined]
