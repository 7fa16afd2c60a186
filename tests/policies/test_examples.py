"""Every rule lets its good examples pass and refuses its bad ones once, constructors too."""

import pytest
from policy_examples import Example, every_example
from pulumi_policy import proxy

from kokunai_policy import Refusal, guard, judge

EXAMPLES = every_example()


def plain(props):
    return props


@pytest.mark.parametrize("wrap", [plain, proxy.unknown_checking_proxy], ids=["plain", "proxy"])
@pytest.mark.parametrize("example", EXAMPLES, ids=[one.id for one in EXAMPLES])
def test_an_example_is_judged_as_its_rule_says(example: Example, wrap):
    resource = example.resource(wrap(example.row["props"]))

    findings = judge(resource, example.context)

    if example.good:
        assert findings == []
    else:
        found = [(one.rule, one.path) for one in findings]
        assert (example.rule, example.row["path"]) in found
        assert len(found) == example.row.get("count", 1), found
        with pytest.raises(Refusal) as refused:
            guard([resource], example.context)
        assert refused.value.findings == findings
