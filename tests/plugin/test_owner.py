"""The owner id: random, never changed, and taken back by an import."""

from __future__ import annotations

import pytest

from kokunai.plugin.stack.owner import owner
from support.plugin_engine import Failed, running, urn

WHERE = urn("kokunai:index:Owner", "demo")


async def test_an_owner_lives_and_ends_without_a_seller() -> None:
    async with running(owner()) as engine:
        await engine.configure({})
        news, failures = await engine.check(WHERE, {})
        id_, state = await engine.create(WHERE, news)
        other, _ = await engine.create(WHERE, news)

        assert failures == {}
        assert len({id_, other}) == 2
        assert not (await engine.diff(WHERE, id_, state, news, news)).detailedDiff
        assert await engine.read(WHERE, id_, state, news) == (id_, {}, state)
        await engine.delete(WHERE, id_, state)


async def test_an_owner_is_taken_back_by_its_id_alone() -> None:
    async with running(owner()) as engine:
        await engine.configure({})

        assert (await engine.read(WHERE, "0123456789abcdef"))[0] == "0123456789abcdef"
        with pytest.raises(Failed, match="is no owner id"):
            await engine.read(WHERE, "demo")
        _, failures = await engine.check(WHERE, {"id": "0123456789abcdef"})
        assert set(failures) == {"id"}


async def test_the_seed_of_first_host_keys_is_secret_and_added_where_a_state_has_none() -> None:
    async with running(owner()) as engine:
        await engine.configure({})
        made = await engine.raw_create(WHERE, {})
        diff = await engine.diff(WHERE, made.id, {}, {}, {})
        added = await engine.update(WHERE, made.id, {}, {}, {})
        kept = await engine.update(WHERE, made.id, added, {}, {})

        hidden = made.properties.fields["hostKeySeed"].struct_value.fields
        assert len(hidden["value"].string_value) == 64
        assert list(diff.detailedDiff) == ["hostKeySeed"]
        assert not diff.replaces
        assert kept == added
        assert len(added["hostKeySeed"]) == 64
