# Each target is a few ordinary commands; `make help` lists them.
PYTHON ?= python3.11
BIN := .venv/bin
RUN := $(BIN)/kokunai run --
STACK ?= local

.PHONY: help up down preview test lint bench clean
help:  ## これを表示します / show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

.venv/installed: pyproject.toml
	@echo "Python の仮想環境を作ります / making the Python environment (.venv)"
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) がありません。Python 3.11 以上が必要です / Python 3.11 or newer is needed: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.kokunai/ssh/id_ed25519:
	@mkdir -p -m 700 $(@D)
	@ssh-keygen -q -t ed25519 -N '' -C kokunai-$(STACK) -f $@

prepare: .venv/installed
	@$(BIN)/kokunai doctor --install
	@$(BIN)/kokunai engine install
	@$(MAKE) --no-print-directory .kokunai/ssh/id_ed25519
	@$(BIN)/kokunai lab up

up: prepare  ## ローカルの GPU クラスターを作ります / build the local GPU cluster
	@$(RUN) pulumi stack select --create $(STACK)
	@$(RUN) pulumi up --yes --suppress-outputs --stack $(STACK) --policy-pack policies
	@$(BIN)/kokunai summary --stack $(STACK)

preview: prepare  ## 変更を見るだけ / show what would change
	@$(RUN) pulumi stack select --create $(STACK)
	@$(RUN) pulumi preview --stack $(STACK) --policy-pack policies

down:  ## 作ったものを消します / destroy the cluster and stop the lab
	@$(RUN) pulumi destroy --yes --stack $(STACK)
	@$(BIN)/kokunai lab down

test: .venv/installed  ## すべてのテスト / all tests
	@$(BIN)/kokunai doctor --install
	@$(BIN)/kokunai engine install
	@$(BIN)/pytest -n auto --dist loadgroup

lint: .venv/installed  ## 書式、型、依存の向き / format, types, import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/installed  ## 比較の計測 / measured comparisons
	@for file in bench/*.py; do $(BIN)/python $$file; done

clean:  ## 状態もラボも仮想環境も消します / remove state, lab and environment, whatever state they are in
	@if [ -x $(BIN)/kokunai ]; then $(BIN)/kokunai lab down --purge; fi
	@sed -i '/^encryptionsalt:/d' stacks/Pulumi.local.yaml  # belongs to the passphrase removed below
	@rm -rf .kokunai .venv
