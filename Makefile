# SPDX-License-Identifier: GPL-3.0-or-later
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# The sandbox's credentials come from its inventory: nothing of the caller's account may reach it.
unexport AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN

PYTHON ?= python3
BIN := .venv/bin
SANDBOX := $(BIN)/python tests/sandbox
SANDBOX_TESTED := .cache/sandbox-tested

.PHONY: help
help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deploy
deploy: sandbox ## Deploy the guide's estate on the sandbox, and say what was done and verified
	$(BIN)/ansible-playbook -i inventories/sandbox deploy.yml

.PHONY: verify
verify: sandbox ## Verify the sandbox's estate; changes nothing
	$(BIN)/ansible-playbook -i inventories/sandbox playbooks/verify.yml

.PHONY: drift
drift: sandbox ## Look for drift on the sandbox; changes nothing. Drift is an error of make's, as a look that failed is
	scripts/huntaze-drift -i inventories/sandbox

.PHONY: test
test: ## Run every test, from a bare clone; two parts at a time, each showing its output at its end
	@$(MAKE) --no-print-directory -j 2 .venv/ready machine
	@$(MAKE) --no-print-directory -j 2 --output-sync=target pytest others

.PHONY: others
others: .venv/ready
	@for part in lint sanity molecule-deployment molecule-agent; do $(MAKE) --no-print-directory --output-sync=target $$part || exit 1; done

.PHONY: lint
lint: .venv/ready ## Run ansible-lint (profile production)
	$(BIN)/ansible-lint --strict deploy.yml playbooks inventories extensions roles meta galaxy.yml

.PHONY: sanity
sanity: .venv/ready ## Run ansible-test sanity on what the tarball holds
	tests/sanity/run $(BIN)

.PHONY: molecule
molecule: molecule-deployment molecule-agent ## Run the molecule scenarios

.PHONY: molecule-deployment
molecule-deployment: .venv/ready servers ## Deploy, deploy again, spoil, deploy, on a sandbox of its own
	cd extensions && PATH="$(CURDIR)/$(BIN):$$PATH" molecule test

.PHONY: molecule-agent
molecule-agent: .venv/ready servers ## Run the limiter agent on a host with a real systemd; says why where it cannot
	@if extensions/molecule/limiter_agent/install-host; then \
	  cd extensions && PATH="$(CURDIR)/$(BIN):$$PATH" molecule test -s limiter_agent; \
	else [ -z "$${CI:-}" ]; fi # only on CI it is an error that the scenario cannot run

# `+` lets the progress through at once: make holds back what other parts say until their end.
.PHONY: pytest
pytest: .venv/ready servers ## Run all tests of pytest, on sandboxes of their own; the sandbox's own where it changed since they passed, on CI always
	+@journal=$$(mktemp -d) && trap 'rm -rf "$$journal"' EXIT && export HUNTAZE_SANDBOX_JOURNAL="$$journal" && \
	if [ -z "$${CI:-}" ] && [ -e $(SANDBOX_TESTED) ] && [ -z "$$(find tests/sandbox tests/support requirements*.txt -name '*.[pt]*' -newer $(SANDBOX_TESTED) -print -quit)" ]; \
	then left_out="--ignore tests/sandbox/tests"; echo "The sandbox has not changed since its tests passed: they are left out (make sandbox-tests)"; else left_out=; fi && \
	set -x && $(BIN)/python -m pytest -n 5 --dist loadfile --no-loadscope-reorder $$left_out && \
	$(BIN)/python -m pytest tests/policy && mkdir -p .cache && touch $(SANDBOX_TESTED) # tests/policy: the README's policy, held to what the others called

.PHONY: unit modules deployment-tests agent-tests network-tests sandbox-tests
unit: .venv/ready ## Run the tests of planners and judgements: no server, no sandbox
	$(BIN)/python -m pytest -n 2 tests/unit

modules: .venv/ready servers ## Run the tests of each module on the sandbox
	$(BIN)/python -m pytest -n 3 --dist loadfile tests/modules

deployment-tests: .venv/ready servers ## Run the tests of the playbooks on the sandbox
	$(BIN)/python -m pytest -n 3 --dist loadfile tests/deployment

agent-tests: .venv/ready servers ## Run the tests of the limiter agent on a real Redis
	$(BIN)/python -m pytest -n 3 --dist loadfile tests/agent

network-tests: .venv/ready servers ## Run the tests with real packets, in network namespaces; they say why where they cannot
	$(BIN)/python -m pytest tests/network

sandbox-tests: .venv/ready servers ## Run the tests of the sandbox itself
	$(BIN)/python -m pytest -n 3 --dist loadfile tests/sandbox/tests

.PHONY: moto-suites
moto-suites: .venv/ready ## Run moto's own tests with the sandbox's extensions of moto; not a part of `test`
	tests/moto/run $(BIN)

.PHONY: sandbox
sandbox: .venv/ready servers ## Start the sandbox unless it runs
	@$(SANDBOX) status >/dev/null 2>&1 || $(SANDBOX) start

.PHONY: sandbox-status
sandbox-status: .venv/ready ## Show the sandbox's endpoints and processes
	@$(SANDBOX) status

.PHONY: sandbox-reset
sandbox-reset: .venv/ready ## Put the sandbox back to the guide's estate
	@$(SANDBOX) reset

.PHONY: sandbox-stop
sandbox-stop: .venv/ready ## Stop the sandbox
	@$(SANDBOX) stop

.PHONY: bench-agent
bench-agent: .venv/ready servers ## Measure the limiter agent against what else one would write, on one Redis
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/benchmarks/requirements.txt
	npm install --no-package-lock --no-audit --no-fund --silent --prefix tests/benchmarks/node
	$(BIN)/python tests/benchmarks/agent.py

.PHONY: bench-deploy
bench-deploy: .venv/ready servers ## Measure an unchanged deployment with 2, 10 and 30 agent hosts, and beside amazon.aws's modules in loops
	$(BIN)/python tests/benchmarks/deploy.py

.PHONY: bench-drift
bench-drift: .venv/ready servers ## Measure a clean look for drift, up to 1,000 alarms, and beside amazon.aws's modules in loops
	$(BIN)/python tests/benchmarks/drift.py

.PHONY: build
build: .venv/ready ## Build the collection's tarball
	$(BIN)/ansible-galaxy collection build --force

.PHONY: clean
clean: ## Stop the sandbox; remove everything that was made here
	@if [ -x $(BIN)/python ]; then $(SANDBOX) stop >/dev/null 2>&1 || true; fi
	rm -rf .venv .sandbox .cache .ansible *.tar.gz

.PHONY: servers
servers:
	@tests/sandbox/install-servers

.PHONY: machine
machine: servers # as one at a time may install packages
	@cd extensions/molecule/limiter_agent && ./install-host 2>/dev/null && ./machine image || : # what is in the way molecule-agent says

.venv/ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1): Python 3.11 or later is needed. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making the virtual environment (.venv), about a minute"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements-dev.txt
	@# Of the hundred collections that come with amazon.aws none is compiled, which would take half of the time. Some packages carry files for
	@# another Python: that those do not compile is no error.
	@$(BIN)/python -m compileall -q -j 0 -x 'ansible_collections/(?!amazon/)' .venv/lib/python3*/site-packages || :
	@touch $@
