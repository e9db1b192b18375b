# `make run` and `make test` need nothing but Python: they set up .venv first, and again whenever
# the list of dependencies has changed.

VENV := .venv
BIN := $(VENV)/bin
STAMPS := .make

# The first Python that is new enough; `make PYTHON=/path/to/python3` takes another one.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$python; break; }; done)

# An environment whose Python has gone, with an upgrade of the system for instance, is none.
USABLE := $(shell $(BIN)/python -c 'import pip' 2>/dev/null && echo yes)

# The compiled form is built beside the sources, which stay what runs everywhere else.
FORM := $(CURDIR)/$(STAMPS)/form
# Tests start hundreds of processes: bytecode is written whatever the environment says.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
COMPILED := PYTHONSAFEPATH=1 PYTHONPATH=$(FORM):$(CURDIR) MYSQLPROXY_EXPECTED_FORM=compiled \
	$(PYTEST) -o pythonpath=$(FORM)
SOURCES := $(shell find proxy twisted -name '*.py')

PURE := wire sql config dialogue session policy
PURE_COVERAGE := $(foreach package,$(PURE),--cov=proxy.$(package)) --cov=proxy.errors --cov=proxy.vocabulary
PURE_TESTS := $(wildcard $(PURE:%=tests/%) tests/observe tests/test_*.py)

.DEFAULT_GOAL := help
.PHONY: help run demo test test-stories test-more-stories test-plain test-python test-compiled test-pure test-workers compiled check lint tools suites soak bench bench-failover bench-upgrade bench-curves bench-workers bench-savings bench-overload image docs reference clean absent

help:
	@echo 'make run        a MySQL server and a replica with the proxy in front, until Ctrl-C'
	@echo 'make demo       a short show: many clients on few connections, and a failover'
	@echo 'make test       all checks and all tests, over the Python and over the compiled form'
	@echo 'make test-workers'
	@echo '                the stories on real servers again, with two processes that serve'
	@echo 'make check      the quick ones, within a minute'
	@echo 'make suites     the tests of SQLAlchemy and Django, directly and through the proxy'
	@echo 'make soak       an hour of scripts by chance, directly and through the proxy'
	@echo 'make bench      compare with a direct connection and with other proxies'
	@echo 'make bench-failover'
	@echo '                what applications notice when their database moves'
	@echo 'make bench-upgrade'
	@echo '                what applications notice of reloads and of restarts without loss: nothing'
	@echo 'make bench-curves'
	@echo '                how cost grows with clients, backends, sizes and states'
	@echo 'make bench-workers'
	@echo '                what several processes cost and give, and what becomes of one that dies'
	@echo 'make bench-savings'
	@echo '                what many clients on few connections spare the database'
	@echo 'make bench-overload'
	@echo '                ten times more work than there can be done, and storms of logins'
	@echo 'make image      carries out the steps of the Dockerfile, without a container engine'
	@echo 'make docs       the manual, in docs/_build/html'
	@echo 'make reference  rewrite the reference of the settings in docs/configuration.rst'
	@echo 'make clean      remove what the other targets made'

# editable_mode=compat: with the default mode twistd does not find the plugin from elsewhere.
INSTALL := $(BIN)/python -m pip install -qq --config-settings editable_mode=compat -e

# What it takes to run, and nothing that only tests need: whoever tries it waits for no more.
$(STAMPS)/installed: setup.cfg pyproject.toml $(if $(USABLE),,absent)
	@test -n "$(PYTHON)" || { echo 'mysqlproxy needs Python 3.11 or later as python3 on the PATH' \
		'(or: make PYTHON=/path/to/python3).' >&2; exit 1; }
	@$(if $(USABLE),true,$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null) || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu:" \
		"apt-get install python$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv" >&2; \
		exit 1; }
	$(if $(USABLE),,$(PYTHON) -m venv --clear $(VENV))
	@echo 'Installing the dependencies into $(VENV) ...'
	$(INSTALL) .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/shown: $(STAMPS)/installed
	$(INSTALL) '.[demo]'
	@touch $@

$(STAMPS)/venv: $(STAMPS)/installed
	$(INSTALL) '.[test,lint,docs,compile]'
	@touch $@

absent:

$(STAMPS)/compiled: $(STAMPS)/venv setup.py setup.cfg pyproject.toml $(SOURCES)
	@echo 'Compiling the innermost modules into $(STAMPS)/form ...'
	@rm -rf $(FORM) $(STAMPS)/build
	$(BIN)/python setup.py -q build --build-base $(STAMPS)/build --build-lib $(FORM)
	@ls $(FORM)/mysqlproxy__mypyc*.so >/dev/null 2>&1 || { echo 'The compiled form could not be' \
		'built. It needs a C compiler and the headers of Python; on Debian and Ubuntu:' \
		'apt-get install gcc python3-dev' >&2; exit 1; }
	@touch $@

compiled: $(STAMPS)/compiled

run: $(STAMPS)/installed
	$(BIN)/mysqlproxy try

demo: $(STAMPS)/shown
	$(BIN)/mysqlproxy try --demo

lint: $(STAMPS)/venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(BIN)/python -m pytest -q $(PURE_TESTS)

# Three at a time, on two cores as well: stories wait for servers half of the time.  The longest
# come first, and one that fails does not keep the others from being run.
test: lint tools
	$(MAKE) -k -j 3 --output-sync=target test-stories test-plain test-python test-more-stories test-compiled test-pure docs

# What is in memory is tested in both forms.  Stories on real servers are told in one of them:
# those of looking, of some failovers and of operating it in the Python form, as is what has
# nothing compiled in it; all others in the compiled form, and so are the scripts of differential.
# What starts and ends processes (service) does that in the Python form.
PLAIN := admin bench cli config credentials dashboard embedded failover/probes packaging \
	$(filter-out test_tap.py,$(patsubst tests/%,%,$(wildcard tests/test_*.py))) \
	$(patsubst tests/%,%,$(wildcard tests/live/test_probes*.py \
	$(foreach story,group monitors silence,tests/live/test_failover_$(story).py) \
	$(foreach story,console dashboard logging metrics reload,tests/live/test_$(story).py)))
COMPILED_ONCE := $(filter-out $(PLAIN),$(patsubst tests/%,%,$(wildcard tests/live/test_*.py)))
LONGEST := $(filter live/test_client% live/test_failover%,$(COMPILED_ONCE))

# The pure packages are covered to the last branch; what touches sockets is proved by live tests.
test-pure: $(STAMPS)/venv
	$(PYTEST) $(PURE_COVERAGE) --cov-branch --cov-report= $(PURE_TESTS)
	$(BIN)/coverage report --skip-covered --show-missing --fail-under=100

test-plain: $(STAMPS)/venv
	$(PYTEST) $(filter-out $(PURE_TESTS),$(PLAIN:%=tests/%))

test-python: $(STAMPS)/venv
	$(PYTEST) $(patsubst %,--ignore=%,$(sort $(PURE_TESTS) $(PLAIN:%=tests/%) $(COMPILED_ONCE:%=tests/%) tests/differential))

test-stories: $(STAMPS)/compiled
	$(COMPILED) $(LONGEST:%=tests/%)

test-more-stories: $(STAMPS)/compiled
	$(COMPILED) $(patsubst %,tests/%,$(filter-out $(LONGEST),$(COMPILED_ONCE)))

test-compiled: $(STAMPS)/compiled
	$(COMPILED) $(or $(TESTS),$(patsubst %,--ignore=tests/%,$(PLAIN) $(COMPILED_ONCE) service))

# What is told with several workers each time are a few stories; here it is all of them.
test-workers: $(STAMPS)/venv tools
	MYSQLPROXY_TEST_WORKERS=$(or $(WORKERS),2) $(PYTEST) $(or $(TESTS),tests/live tests/differential)

# A browser for the tests of the dashboard, and systemd's tools for those of its units.
tools:
	@missing=$$(command -v chromium >/dev/null || echo chromium fonts-dejavu-core; \
		command -v systemd-analyze >/dev/null || echo systemd); \
	test -z "$$missing" || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -qq -y --no-install-recommends $$missing; } \
		|| { echo "The tests need $$(echo $$missing); on Debian and Ubuntu:" \
		"apt-get install $$(echo $$missing)" >&2; exit 1; }

# Three minutes; all that there is, with SUITES=--all, takes twenty.
suites: $(STAMPS)/venv
	$(BIN)/python -m tests.suites.run $(SUITES)

# An hour, or SECONDS=600.
soak: $(STAMPS)/venv
	$(BIN)/python -m tests.differential.soak $(SECONDS)

bench: $(STAMPS)/compiled
	$(BIN)/python -m bench.run $(BENCH)

# BENCH="--only kill --runs 9", for instance.
bench-failover: $(STAMPS)/compiled
	$(BIN)/python -m bench.failover.run $(BENCH)

# BENCH="--clients 500 --restarts 20", for instance.
bench-upgrade: $(STAMPS)/compiled
	$(BIN)/python -m bench.upgrading $(BENCH)

# BENCH="--only idle --rounds 3", for instance; BENCH=--quick is a look within a minute or two.
bench-curves: $(STAMPS)/compiled
	$(BIN)/python -m bench.curves.run $(BENCH)

bench-workers: $(STAMPS)/compiled
	$(BIN)/python -m bench.workers.run $(BENCH)

bench-savings: $(STAMPS)/compiled
	$(BIN)/python -m bench.savings $(BENCH)

bench-overload: $(STAMPS)/compiled
	$(BIN)/python -m bench.overload $(BENCH)

# The steps of the Dockerfile where there is no engine for them; as root, with mmdebstrap.
image: $(STAMPS)/venv
	$(BIN)/python -m tests.packaging.image

docs: $(STAMPS)/venv
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

reference: $(STAMPS)/venv
	$(BIN)/python docs/write_reference.py
	$(BIN)/python docs/write_reload.py

clean:
	rm -rf $(VENV) $(STAMPS) build dist docs/_build .coverage .mypy_cache .pytest_cache .ruff_cache \
		.hypothesis .import_linter_cache mysqlproxy.egg-info twisted/plugins/dropin.cache
	find bench docs proxy tests twisted -name __pycache__ -prune -exec rm -rf {} +
