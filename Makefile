# 'make demo' and 'make test' need python3, python3-venv and make. The first of them fetches what constraints.txt pins.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
# Tests that ask little of clocks and networks run beside the others, on a core of their own.
ASIDE := tests/sim tests/security tests/directory tests/routing tests/ipx tests/gateway tests/dataplane

BIN := $(VENV)/bin
COVERED = $(BIN)/python -m coverage run -m pytest
INSTALLED := $(VENV)/.installed
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
SYSTEM_PACKAGES := dosbox tshark nasm iproute2 ethtool nftables procps dnsmasq-base isc-dhcp-client bind9 \
	qemu-system-x86 openssl gcc libc6-dev musl-tools faketime systemd man-db \
	bash-completion zsh fish nmap chromium tmux etcd-server etcd-client

.DEFAULT_GOAL := help
.PHONY: help install demo test lint style types docs soak chaos fuzz bench system-packages

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED)  ## make .venv with nwip and its test tools

demo: $(INSTALLED)  ## run a whole domain on this machine and show what it does
	$(BIN)/nwip demo

test: $(INSTALLED)  ## run every test, then say which lines no test reached
	@rm -f .coverage .coverage.*
	@$(if $(PYTEST_ARGS),$(COVERED) $(PYTEST_ARGS); verdict=$$?; \
	,$(COVERED) $(ASIDE) > .tests-aside.log 2>&1 & aside=$$!; trap "kill $$aside 2> /dev/null" EXIT; \
	$(COVERED) $(addprefix --ignore=,$(ASIDE)); verdict=$$?; \
	wait $$aside || verdict=$$?; cat .tests-aside.log; )\
	$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage report; \
	exit $$verdict

lint: style types  ## judge style and types

style: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

docs: $(INSTALLED)  ## build the docs site in build/site/html; a warning is an error
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python docs/site/build.py build/site

soak: $(INSTALLED)  ## live through 100,000 random histories of domains, and 5,000 each of routers, shared stores and pairs of gateways
	NWIP_HISTORIES=$${NWIP_HISTORIES:-100000} NWIP_TOPOLOGIES=$${NWIP_TOPOLOGIES:-5000} \
		$(BIN)/python -m pytest -q tests/sim/test_histories.py tests/sim/test_routing.py
	NWIP_SHARED=$${NWIP_SHARED:-5000} $(BIN)/python -m pytest -q --timeout 3600 tests/dss/store/test_shared_histories.py
	NWIP_TWINS=$${NWIP_TWINS:-5000} $(BIN)/python -m pytest -q --timeout 3600 tests/dataplane/test_same_packets.py

chaos: $(INSTALLED)  ## an hour of five DSSs to which everything happens (CHAOS_SECONDS, NWIP_CHAOS_SEED); as root
	NWIP_CHAOS=$${CHAOS_SECONDS:-3600} $(BIN)/python -m pytest -q -s tests/real/test_chaos.py

fuzz: $(INSTALLED)  ## fuzz every decoder and server entry, 10 minutes in all (FUZZ_SECONDS of each, FUZZ_ARGS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(BIN)/python fuzz/run.py $(if $(FUZZ_SECONDS),--seconds $(FUZZ_SECONDS)) $(FUZZ_ARGS)

bench: $(INSTALLED)  ## run every benchmark
	@set -e; for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python "$$benchmark"; done

system-packages:  ## install the Debian packages that the tests with real programs need
	$(SUDO) apt-get -o DPkg::Lock::Timeout=300 update
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 $(SYSTEM_PACKAGES)

# The stamp is newer than what it was made from only after an installation that went through.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@
