"""Every rule lets its good examples pass and refuses its bad ones, each exactly once."""

from pathlib import Path

import pytest
from policy_examples import Example, every_example
from pulumi_policy import proxy

from kokunai_policy import catalogue, judge
from kokunai_policy.rules import JUDGES

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


def test_every_rule_has_a_level_a_judge_and_examples_of_both_kinds():
    rules = catalogue.rules()

    assert set(rules) == set(catalogue.levels()) == set(JUDGES)
    assert all(rule.good and rule.bad and rule.ja and rule.en for rule in rules.values())


def test_the_table_in_the_readme_lists_every_rule_with_its_level():
    readme = Path(__file__).parents[2] / "policies" / "README.md"
    rows = [line.split(" | ") for line in readme.read_text().splitlines() if line[:5] == "| KN-"]

    listed = {row[0].removeprefix("| "): row[1] for row in rows}

    assert listed == {rule: level.value for rule, level in catalogue.levels().items()}
