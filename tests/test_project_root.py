"""The folder of Pulumi.yaml is found from anywhere below it."""

import pytest

from kokunai import project
from kokunai.errors import KokunaiError


def test_the_nearest_folder_with_a_settings_file_is_the_root(tmp_path):
    inner = tmp_path / "outer" / "inner"
    (inner / "below").mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "Pulumi.yaml").touch()

    assert project.root(inner / "below") == inner
    assert project.root(inner) == inner


def test_outside_of_a_project_the_refusal_names_the_file(tmp_path):
    with pytest.raises(KokunaiError) as refusal:
        project.root(tmp_path)

    assert "Pulumi.yaml のあるフォルダー" in refusal.value.ja
    assert project.find_root(tmp_path) is None
