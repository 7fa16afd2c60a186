"""The stack file becomes an environment, and its outputs are what a person needs next."""

import pulumi

import kokunai


async def program() -> pulumi.Inputs:
    environment = await kokunai.Environment.from_config_async()
    return {
        "nodes": environment.nodes,
        "verified": environment.verdicts,
        "offers": environment.offers,
        "private_key_file": environment.private_key_file,
        **({"contracts": environment.contracts} if environment.contracts else {}),
    }


pulumi.run(program)
