"""Renders the files of a bundle on the controller, so that the host only compares and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

# The first line of every file: it tells people that their edits will be undone.
HEADER = "# Kokunai が管理しています。手で変えても次の pulumi up で元に戻ります。"
HEADER_BOTH = HEADER + "\n# Managed by Kokunai; the next pulumi up undoes changes made by hand."


class ActionModule(ActionBase):
    """Templates lie where the files land: etc/hosts.j2 in the role's templates is /etc/hosts.

    An item with `each` (a list of dicts) becomes one file for every element: {field} in its path
    is filled in from the element, and the template, which `template` must name, sees `item`.
    An item with `leave` true is not touched at all; `absent` true removes the file.
    """

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"files", "look_for", "prune", "reapply", "root"})
    _ITEM_ARGS = frozenset(
        {"path", "template", "each", "mode", "absent", "leave", "section", "secret"}
        | {"real_hosts_only", "applies"}
    )

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        given = self._task.args
        files = [
            file
            for item in given.get("files", [])
            for file in self._expand(dict(item), task_vars or {})
        ]
        arguments = {key: value for key, value in given.items() if key != "files"}
        arguments.update(files=files, header=HEADER)
        return self._execute_module(
            module_name="file_bundle", module_args=arguments, task_vars=task_vars
        )

    def _expand(self, item: dict[str, Any], task_vars: dict[str, Any]) -> list[dict[str, Any]]:
        unknown = sorted(set(item) - self._ITEM_ARGS)
        if unknown:
            raise AnsibleActionFail(f"file_bundle: {item.get('path')}: unknown keys {unknown}")
        if item.pop("leave", False):
            return []
        each = item.pop("each", None)
        if each is None:
            return [self._file(item, item["path"], task_vars)]
        return [
            self._file(item, item["path"].format(**element), {**task_vars, "item": element})
            for element in each
        ]

    def _file(self, item: dict[str, Any], path: str, variables: dict[str, Any]) -> dict[str, Any]:
        sent = {k: v for k, v in item.items() if k not in ("template", "secret")}
        sent["path"] = path
        if item.get("secret"):
            # Also for a file that is removed, because the difference would show its content.
            sent["secret_content"] = ""
        if not item.get("absent"):
            text = self._render(item.get("template", path.lstrip("/") + ".j2"), variables)
            sent["secret_content" if item.get("secret") else "content"] = text
        return sent

    def _render(self, name: str, variables: dict[str, Any]) -> str:
        source = self._find_needle("templates", name)
        search = [str(Path(source).parent), *variables.get("ansible_search_path", [])]
        template = trust_as_template(self._loader.get_text_file_contents(source))
        templar = self._templar.copy_with_new_env(
            searchpath=search, available_variables={**variables, "managed_header": HEADER_BOTH}
        )
        try:
            # As with ansible.builtin.template, a line with only a block leaves no empty line.
            rules = {"trim_blocks": True, "lstrip_blocks": True}
            return str(templar.template(template, escape_backslashes=False, overrides=rules) or "")
        except AnsibleError as error:
            raise AnsibleActionFail(f"{name}: {error}") from error
