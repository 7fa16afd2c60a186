# Each target is a few ordinary commands; `make help` lists them.
PYTHON ?= python3.11
BIN := .venv/bin
RUN := $(BIN)/kokunai run --
STACK ?= local
# Tests wait for machines more than they compute.
WORKERS ?= $(shell expr 2 '*' $$(nproc))
# Two terminals take turns.
LOCK := $(if $(shell command -v flock),flock pyproject.toml)
# Hosts that the lab hands over in place of an operator; the stack's contract files follow from them.
DELIVERIES = $(wildcard stacks/deliveries/$(STACK)-*.yaml)
UNSALT = { ! $(IS_LAB) || sed -i '/^encryptionsalt:/d' stacks/Pulumi.$(STACK).yaml; }

# What a line says in one language or, on two lines, in both.
SPOKEN := case "$$KOKUNAI_LANG" in ja) printf "%s%s\n" "$$name" "$$ja" ;; en) printf "%s%s\n" "$$name" "$$en" ;; \
	*) printf "%s%s\n%16s%s\n" "$$name" "$$ja" "" "$$en" ;; esac

# Only a stack of the lab is built and destroyed without a question.
IS_LAB = grep -Eqs '^ *lab: *true *$$' stacks/Pulumi.$(STACK).yaml
REFUSE = { echo "$(STACK) はラボのスタックではありません / $(STACK) is no stack of the lab: kokunai run -- pulumi $(1) --stack $(STACK)" >&2; exit 1; }

.PHONY: help prepare up down preview test faults quick lint bench clean
help:  ## これを表示します / show this
	@sed -n 's/^\([a-z]*\):.*## /\1 \/ /p' $(MAKEFILE_LIST) | while IFS= read -r line; do \
	  name=$$(printf "  make %-9s" "$${line%% / *}"); line=$${line#* / }; ja=$${line%% / *}; en=$${line#* / }; \
	  $(SPOKEN); done

.venv/installed: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) がありません。Python 3.11 以上が必要です / Python 3.11 or newer is needed: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$(PYTHON) が 3.11 より古いか、venv がありません / $(PYTHON) is older than 3.11 or lacks venv: apt-get install python3-venv" >&2; exit 1; }
	@echo "Python の仮想環境を作り、パッケージを入れます（1〜3 分） / making the Python environment .venv with its packages (1 to 3 minutes)"
	@$(LOCK) sh -ec '$(PYTHON) -m venv .venv; $(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"; touch $@' || { echo "用意できませんでした。理由は上の行にあります / it could not be made: the lines above say why" >&2; exit 1; }

.kokunai/ssh/id_ed25519:
	@mkdir -p -m 700 .kokunai $(@D)
	@$(LOCK) sh -c '[ -e $@ ] || ssh-keygen -q -t ed25519 -N "" -C kokunai-$(STACK) -f $@'

prepare: .venv/installed
	@[ "$(DELIVERIES)" ] || $(BIN)/kokunai check stacks/Pulumi.$(STACK).yaml
	@$(BIN)/kokunai doctor --install
	@$(BIN)/kokunai engine install
	@$(MAKE) --no-print-directory .kokunai/ssh/id_ed25519
	@[ -e .kokunai/passphrase ] || [ "$$PULUMI_CONFIG_PASSPHRASE$$PULUMI_CONFIG_PASSPHRASE_FILE" ] || $(UNSALT)  # of a passphrase that is gone
	@$(BIN)/kokunai lab up
	@mkdir -p .kokunai/contracts
	@for file in $(DELIVERIES); do $(BIN)/kokunai lab hand-over "$$file" --contract-file ".kokunai/contracts/$${file##*/}" || exit 1; done
	@[ ! "$(DELIVERIES)" ] || $(BIN)/kokunai check stacks/Pulumi.$(STACK).yaml

up: are-labs prepare  ## ローカルの GPU クラスターを作ります / build the local GPU cluster
	@$(RUN) pulumi stack select --create $(STACK)
	@$(RUN) pulumi up --yes --suppress-outputs --stack $(STACK) --policy-pack policies
	@$(BIN)/kokunai summary --stack $(STACK)

.PHONY: are-labs
are-labs:
	@$(IS_LAB) || $(call REFUSE,up)

preview: prepare  ## 変更を見るだけ / show what would change
	@$(RUN) pulumi stack select --create $(STACK)
	@$(RUN) pulumi preview --stack $(STACK) --policy-pack policies

down: .venv/installed  ## 作ったものを消します / destroy the cluster and stop the lab
	@$(IS_LAB) || $(call REFUSE,destroy)
	@if $(RUN) pulumi stack select $(STACK); then $(BIN)/kokunai lab up && exec $(RUN) pulumi destroy --yes --stack $(STACK); else echo "ラボだけを止めます / stopping the lab only"; fi
	@$(BIN)/kokunai lab down

test: .venv/installed  ## すべてのテスト / all tests
	@$(BIN)/kokunai doctor --install
	@$(BIN)/kokunai engine install
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup

faults: .venv/installed  ## 障害のテストをすべて実行し、件数を示します / every fault, with the counts
	@$(BIN)/kokunai doctor --install
	@$(BIN)/kokunai engine install
	@KOKUNAI_FAULTS=all $(BIN)/pytest -s -rA tests/faults

quick: .venv/installed  ## 速いテストだけ（エンジンとホストなし） / the quick tests: no engine, no hosts
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m "not e2e and not hosts and not slow"

lint: .venv/installed  ## 書式、型、依存の向き / format, types, import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/installed  ## 比較の計測 / measured comparisons
	@set -e; for file in bench/*.py; do $(BIN)/python $$file; done

clean:  ## ラボとその状態、仮想環境を消します / remove the lab, its state and the environment
	@[ ! -e /proc/self/mountinfo ] || while read -r _ _ _ _ at _; do case "$$(printf '%b' "$$at")" in "$(CURDIR)"/.kokunai/lab/*) ;; "$(CURDIR)"/.kokunai/*|"$(CURDIR)"/.venv/*) echo "マウントされているので消しません / mounted, so it is not removed: umount $$at" >&2; exit 1;; esac; done < /proc/self/mountinfo
	@if [ -d .kokunai/lab ] || [ -d .kokunai/state ]; then [ -e .venv/installed ] || $(MAKE) --no-print-directory .venv/installed; fi  # it knows what is the lab's
	@if [ -x $(BIN)/kokunai ]; then $(BIN)/kokunai clean; fi
	@if [ -d .venv ]; then echo "  .venv"; rm -rf --one-file-system .venv; fi
