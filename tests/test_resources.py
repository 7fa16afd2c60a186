"""The Pulumi classes of the kinds are the plugin's own."""

import subprocess
import sys

from kokunai import resources
from kokunai.plugin import generate_kinds
from kokunai.plugin.registry import registry


def test_the_written_classes_are_what_the_plugin_would_write():
    command = [sys.executable, "-m", "ruff", "format", "-", "--stdin-filename", "kinds.py"]
    formatted = subprocess.run(
        command, input=generate_kinds.generated(), capture_output=True, text=True, check=True
    ).stdout

    assert formatted == generate_kinds.TARGET.read_text(encoding="utf-8")


def test_every_kind_has_a_class_with_its_type_and_the_outputs_it_adds():
    for pulumi_type, kind in registry().kinds.items():
        schema = kind.schema()
        written = resources.kind(pulumi_type)

        assert written.__module__ == "kokunai.resources.kinds"
        assert written.pulumi_type == pulumi_type
        assert set(written.outputs) == schema["properties"].keys() - schema["inputProperties"]
