"""`kokunai:contract:Host`: adopts a machine by its address and key, and looks what it really is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kokunai import own_address
from kokunai.errors import KokunaiError
from kokunai.plugin.ansible import places
from kokunai.plugin.contract import answer, board, comparing, reaching
from kokunai.plugin.contract.answer import NotUnderstood
from kokunai.plugin.contract.board import Condition
from kokunai.plugin.contract.inputs import HostComputed, HostInputs
from kokunai.plugin.contract.reaching import OtherKey, Unreachable, Way
from kokunai.plugin.kind import OWNED_BY, UNKNOWN, Change, Created, Found
from kokunai.plugin.model_kind import ModelKind
from kokunai.plugin.waiting import Waiting

if TYPE_CHECKING:
    from kokunai.plugin.contract.answer import Facts
    from kokunai.plugin.contract.comparing import Finding
    from kokunai.plugin.kind import Operation, Props, Transition

_OTHER = "別のマシンです / it is another machine"
_UNVERIFIED = "not-verified"
_BOOT_SECONDS = 1200.0
"""A server with much memory tests that for many minutes before it starts."""
_POLL_SECONDS = 5.0


class Host(ModelKind):
    """Creating adopts, deleting forgets; nothing on the machine is ever changed from here.

    A machine that is off is switched on when it is adopted, where its contract allows that.
    """

    pulumi_type = "kokunai:contract:Host"
    model = HostInputs
    computed = HostComputed
    is_found_by_digest = False
    replaced_by = {"hostKey": _OTHER}  # noqa: RUF012 - as in the base, a constant
    default_timeout_seconds = 600.0

    def diff(self, transition: Transition) -> list[Change]:
        """All changes; another key says which machine the node was, and which it becomes."""
        reason = _becomes(transition.old, transition.new)
        return [
            replace(change, reason=reason) if change.path == "hostKey" else change
            for change in super().diff(transition)
        ]

    async def preview(self, op: Operation, transition: Transition) -> Props:  # noqa: ARG002
        """Which machine it is; what is in the box is seen when it is adopted."""
        known = self.known_outputs(transition)
        key = transition.new.get("hostKey", UNKNOWN)
        return {**known, "serverId": UNKNOWN if key is UNKNOWN else reaching.fingerprint(key)}

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Adopt it. Raises KokunaiError where it is another machine, or another stack's."""
        outputs = await self._adopted(op, transition.new, switch_on=True)
        return Created(f"{transition.new['contract']}/{transition.new['name']}", outputs)

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Look again, with the same refusals."""
        return await self._adopted(op, transition.new)

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """Look again and tell of what differs; a machine that is silent stays as it was seen."""
        inputs, state = transition.old, transition.state
        if not inputs:
            raise KokunaiError(
                ja="契約のホストは import できません。pulumi up で引き継ぎます",
                en="a host of a contract cannot be imported; pulumi up adopts it",
            )
        condition = await _condition(op, inputs)
        try:
            facts = await _look(op, inputs)
        except KokunaiError as error:
            op.warn(f"{error.ja}。前回の状態のままです\n{error.en}; its last state is kept")
            return Found(transition.id, inputs, _with(state, condition))
        found = comparing.findings(inputs["expected"], facts)
        refused = [one for one in found if one.is_another_machine]
        _tell(op, found)
        if refused:
            op.warn(_words(_not_the_contracts(op, inputs, refused)))
        if others := _other_owner(op, inputs, facts):
            op.warn(_words(others))
        outputs = _with(_outputs(inputs, facts, found), condition)
        return Found(transition.id, inputs, {**state, **inputs, **outputs})

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Forget it; the machine is not even contacted."""
        name = _who(op, transition.state)
        op.info(
            f"{name} を管理から外しました。ホストには何もしていません（停止も消去もしません）\n"
            f"{name} is forgotten; nothing on it was touched, it is neither stopped nor wiped"
        )

    async def _adopted(self, op: Operation, new: Props, *, switch_on: bool = False) -> Props:
        condition = await board.look(op, _who(op, new), new, switch_on=switch_on)
        facts = await _look(op, new, _BOOT_SECONDS if condition.is_booting else 0.0)
        if error := _other_owner(op, new, facts):
            raise error
        found = comparing.findings(new["expected"], facts)
        if refused := [one for one in found if one.is_another_machine]:
            raise _not_the_contracts(op, new, refused)
        _tell(op, found)
        return {**new, **_with(_outputs(new, facts, found), condition)}


def _becomes(old: Props, new: Props) -> str:
    before, after = _machine(old), _machine(new)
    if before == after:
        return _OTHER
    return (
        f"{before} から {after} という別のマシンに替わります。意図しないときは、契約ファイルの"
        "ホストに node（ノードの番号）を書いてください / "
        f"it becomes another machine, {after} instead of {before}; where that is not meant, write "
        "node (the number of the node) at the hosts of the contract file"
    )


def _machine(inputs: Props) -> str:
    return " ".join(str(inputs[key]) for key in ("name", "address") if inputs.get(key))


def _outputs(inputs: Props, facts: Facts, found: list[Finding]) -> Props:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "serverId": reaching.fingerprint(inputs["hostKey"]),
        "facts": answer.outputs(facts, now),
        "findings": [one.outputs() for one in found],
    }


async def _condition(op: Operation, inputs: Props) -> Condition:
    """Power and health; what a person has to correct is a warning, for this only looks."""
    try:
        return await board.look(op, _who(op, inputs), inputs)
    except KokunaiError as error:
        op.warn(_words(error))
        return Condition()


def _with(outputs: Props, condition: Condition) -> Props:
    """The outputs with power and health among the facts, as far as they are known."""
    told = condition.outputs()
    return {**outputs, "facts": {**outputs.get("facts", {}), **told}} if told else outputs


def _way(inputs: Props) -> Way:
    return Way(
        address=inputs["address"],
        host_key=inputs["hostKey"],
        user=inputs["user"],
        private_key_file=str(places.private_key(inputs["privateKeyFile"])),
        port=int(inputs.get("port") or 22),
        jump=inputs.get("jump") or "",
        jump_key=inputs.get("jumpKey") or "",
        ssh_config_file=places.ssh_config(inputs.get("sshConfigFile") or ""),
    )


async def _told(op: Operation, way: Way, patience: float) -> bytes:
    """The answer to the look; a host that boots may be silent for so many seconds."""
    waited = 0.0
    while True:
        try:
            return await Waiting(op).once(lambda: reaching.ask(way, answer.script()))
        except Unreachable:
            if waited >= patience:
                raise
        op.status(f"{op.name}: 起動を待っています / waiting for it to boot")
        await op.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS


async def _look(op: Operation, inputs: Props, patience: float = 0.0) -> Facts:
    """What the host tells of itself. Raises KokunaiError where it cannot or must not be asked."""
    way, name = _way(inputs), _who(op, inputs)
    try:
        return answer.facts_of(await _told(op, way, patience))
    except OtherKey as other:
        raise _other_key(name, way, other) from None
    except Unreachable as error:
        ja, en = own_address.lockout(way.address, str(error))
        raise KokunaiError(
            ja=f"{name} に接続できません: {error} {ja}".rstrip(),
            en=f"{name} cannot be reached: {error} {en}".rstrip(),
        ) from None
    except NotUnderstood as error:
        raise KokunaiError(
            ja=f"{name} の回答を解釈できません: {error}",
            en=f"the answer of {name} is not understood: {error}",
        ) from None


def _who(op: Operation, inputs: Props) -> str:
    told = ", ".join(str(inputs[key]) for key in ("name", "address") if inputs.get(key))
    return f"{op.name} ({told})"


def _other_key(name: str, way: Way, other: OtherKey) -> KokunaiError:
    kind, wanted = way.host_key.split(" ", 1)[0], reaching.fingerprint(way.host_key)
    shown_ja = other.fingerprint or f"{kind} の鍵を持っていません"
    shown_en = other.fingerprint or f"has no key of type {kind}"
    return KokunaiError(
        ja=f"{name} のホスト鍵が契約と違うため、何も送らずに中止しました。契約: {wanted}、"
        f"接続先: {shown_ja}。事業者に確認し、正しければ契約ファイルの host_key を直してください",
        en=f"the host key of {name} is not the contract's, so nothing was sent to it; contract: "
        f"{wanted}, shown: {shown_en}; ask the operator, and correct host_key in the contract "
        "file where it is right",
    )


def _not_the_contracts(op: Operation, inputs: Props, refused: list[Finding]) -> KokunaiError:
    name, contract = _who(op, inputs), inputs["contract"]
    ja, en = "、".join(one.ja for one in refused), "; ".join(one.en for one in refused)
    return KokunaiError(
        ja=f"{name} は契約 {contract} のマシンではありません。何も変更していません。{ja}",
        en=f"{name} is not the machine of contract {contract}; nothing on it was changed; {en}",
    )


def _other_owner(op: Operation, inputs: Props, facts: Facts) -> KokunaiError | None:
    """Another stack has configured the host; a mark that cannot be read belongs to somebody."""
    if not facts.owner or facts.owner == inputs.get(OWNED_BY):
        return None
    name = _who(op, inputs)
    return KokunaiError(
        ja=f"{name} は別のスタック（所有者 {facts.owner}）が使っています。そのスタックが手放した"
        "あとなら、ホストの /etc/kokunai/owner を消してください",
        en=f"{name} is used by another stack (owner {facts.owner}); once that stack has given it "
        "up, remove /etc/kokunai/owner on the host",
    )


def _tell(op: Operation, found: list[Finding]) -> None:
    """Differences that leave it the same machine are warnings; what is unknown is said, too."""
    for one in found:
        if one.verdict == "fail" and not one.decisive:
            op.warn(f"{op.name}: {one.ja}\n{op.name}: {one.en}")
    unknown = [one for one in found if one.verdict == _UNVERIFIED]
    if unknown:
        op.info(
            f"{op.name}: 未検証 {'、'.join(one.ja.partition(':')[0] for one in unknown)}\n"
            f"{op.name}: not verified: {', '.join(one.en.partition(':')[0] for one in unknown)}"
        )


def _words(error: KokunaiError) -> str:
    return f"{error.ja}\n{error.en}"
