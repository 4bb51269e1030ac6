# `make` lists what there is. Everything lives in .venv, node_modules and build folders of this tree, and what is up to
# date is not made again; as root, what the tests drive is installed by apt-get (see `programs`).
PYTHON ?= python3
BIN := .venv/bin
DONE := .venv/.done
NATIVE := $(wildcard simplesfu/plane/*.pyx simplesfu/plane/*.pxd simplesfu/plane/*.h)
CLIENT := $(shell find client-js/src client-js/react client-js/scripts -type f) client-js/package.json client-js/package-lock.json
SOURCES := pyproject.toml setup.py $(NATIVE) $(CLIENT)
PROGRAMS := chromium firefox-esr redis-server nginx turnserver nft ip pulseaudio pactl
PACKAGES := chromium firefox-esr redis-server nginx-light coturn nftables iproute2 pulseaudio pulseaudio-utils
# npm does not look whether there is a newer one of the same version.
CLIENT_COPY := examples/react/build examples/react/node_modules/simplesfu
COMPUTING := tests/unit tests/property tests/fuzz tests/todos
HOST := localhost
PORT := 8000

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick test-client test-quick-python check bench docs screenshots build clean programs

help: ## list these
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(or $(wildcard $(DONE)/dev),$(DONE)/demo) ## build it all and show the examples at http://localhost:8000
	$(BIN)/python examples/start/server.py --host $(HOST) --port $(PORT)

# What only computes may share the machine; whose pictures are judged in browsers may not.
test: $(DONE)/dev $(DONE)/original programs test-client test-quick-python ## every test, in real browsers
	$(BIN)/pytest -m slow -n 2 --dist worksteal $(COMPUTING)
	$(BIN)/pytest -m "browser or slow" $(COMPUTING:%=--ignore=%)

test-quick: $(DONE)/dev ## the tests that need no browser and no patience: less than two minutes
	@$(MAKE) --no-print-directory -j2 test-client test-quick-python

test-client: $(DONE)/dev
	npm --prefix client-js test --silent

test-quick-python: $(DONE)/dev
	$(BIN)/pytest -m "not browser and not slow" -n 4 --dist worksteal

check: $(DONE)/dev ## style and types of Python, Cython and TypeScript
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint simplesfu
	npm --prefix client-js run --silent check

bench: $(DONE)/bench ## what forwarding costs on this machine
	$(BIN)/python -m bench

docs: $(DONE)/dev ## the documentation as pages in build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

screenshots: $(DONE)/dev programs ## take the pictures of the documentation again
	$(BIN)/python docs/screenshots.py

build: $(DONE)/dev ## sdist and wheel in dist/
	$(BIN)/python -m build

clean: ## remove what was built; .venv and node_modules stay
	rm -rf build dist *.egg-info client-js/dist client-js/build simplesfu/client/*.js $(DONE)/demo $(DONE)/dev $(DONE)/bench
	find simplesfu -name '*.so' -delete -o -name '*.c' -delete
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

programs: ## install what the tests drive: browsers, redis, nginx, coturn, nftables, pulseaudio (Debian and Ubuntu, as root)
	@export PATH="$$PATH:/usr/sbin"; missing=; \
	for program in $(PROGRAMS); do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && apt-get install -q -y --no-install-recommends $(PACKAGES); \
	else \
		echo "missing:$$missing"; \
		echo "On Debian or Ubuntu: sudo make programs. Elsewhere: install them so that the commands are found in PATH."; \
		echo "Without them: make test-quick"; \
		exit 1; \
	fi

# An editable install builds the native modules and the browser bundle (see setup.py).
$(DONE)/demo: $(SOURCES) | $(DONE)/venv $(DONE)/npm
	@echo "Building the native modules and the page's script: a minute or two"
	@$(BIN)/pip install --quiet -e ".[demo]"
	@rm -rf $(CLIENT_COPY)
	@touch $@

$(DONE)/dev: $(SOURCES) | $(DONE)/venv $(DONE)/npm
	$(BIN)/pip install --quiet -e ".[test,check]"
	@rm -rf $(CLIENT_COPY)
	@touch $@

$(DONE)/bench: pyproject.toml | $(DONE)/dev
	$(BIN)/pip install --quiet -e ".[bench]"
	@touch $@

$(DONE)/npm: client-js/package-lock.json | $(DONE)/venv
	npm --prefix client-js ci --silent --no-audit --no-fund
	@touch $@

$(DONE)/original: tests/support/legacy/package-lock.json | $(DONE)/venv
	npm --prefix tests/support/legacy ci --ignore-scripts --silent --no-audit --no-fund
	@touch $@

$(DONE)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "simplesfu needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1). Another: make PYTHON=python3.12 ..."; exit 1; }
	@for tool in gcc node npm; do command -v $$tool >/dev/null || \
		{ echo "$$tool is missing. On Debian or Ubuntu: apt-get install gcc nodejs npm"; exit 1; }; done
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
		{ echo "simplesfu needs Node.js 20 or newer, and node is $$(node -v): https://nodejs.org/en/download"; exit 1; }
	@test -f "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || \
		{ echo "Python.h is missing. On Debian or Ubuntu: apt-get install python3-dev"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "No virtual environment could be made. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@mkdir -p $(DONE) && touch $@
