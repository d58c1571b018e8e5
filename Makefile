# The only interface. `make demo` and `make test` work on a bare machine with Python 3.11+, git and make.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help check format run demo doctor send-test gmail-grant local alert traces incident spend stop pause resume deadletters maintenance executions install test eval score chaos soak storm hostile lint check-workflows types generate bundles clean deploy secret signing-keys grafana bench bench-start bench-console bench-load bench-brief bench-memory checkov replay break heal status

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8080
EMULATORS_ARGUMENT = $(if $(filter-out 0 false no,$(EMULATORS)),--emulators)
MODEL_ARGUMENTS = $(if $(MODEL),--model $(MODEL)) $(if $(SCRIPT),--script $(SCRIPT)) $(if $(LATENCY),--latency $(LATENCY)) $(if $(FAULT),--fault $(FAULT))
DEMO_ARGUMENTS = $(MODEL_ARGUMENTS) $(EMULATORS_ARGUMENT) $(if $(CASE),--case "$(CASE)") $(if $(REPO),--repo "$(REPO)") $(foreach name,$(WITHOUT),--without $(name))

PLACE = $(or $(PROJECT_ID),$(error PROJECT_ID=… names the Google Cloud project)) $(or $(REGION),$(error REGION=… names the region)) $(if $(ENVIRONMENT),--environment $(ENVIRONMENT))
OF_PROJECT = $(if $(PROJECT_ID),--project $(PROJECT_ID))
OF_PLACE = --project $(PROJECT_ID) --region $(or $(REGION),$(error REGION=… names the region))
CHECKOV := 3.3.30
SCANNERS := detect-secrets==1.5.0 credsweeper==1.19.5

help: ## Show this list
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z%-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: $(VENV)/.demo ## One alert, end to end. CASE=<folder> replays a recorded incident, WITHOUT="gmail loki" stops services first, MODEL=sandbox or MODEL=gemini asks a model, EMULATORS=1 as below
	@$(BIN)/python -m infra.local demo $(DEMO_ARGUMENTS)

doctor: $(VENV)/.demo ## Check .env and every system it names before the first alert does: names, values, access; OFFLINE=1 asks no system, ENV=<file>
	@$(BIN)/python -m infra.doctor $(if $(ENV),--env "$(ENV)") $(if $(OFFLINE),--offline)

local: $(VENV)/.demo ## Keep the whole stack up, with live traffic, and say what happens; PORT=8080 is the webhook's, MODEL=sandbox or gemini, EMULATORS=1 uses Google's Pub/Sub and Firestore
	@$(BIN)/python -m infra.local up --port $(PORT) $(MODEL_ARGUMENTS) $(EMULATORS_ARGUMENT)

break heal stop status: $(VENV)/.demo ## With a running make local: deploy the service with its fault, or without; end the stack; say what runs where
	@$(BIN)/python -m infra.local $@

send-test: $(VENV)/.demo ## Send one test message through every channel of .env, and print each receipt, or the failure and its fix; ENV=<file>
	@$(BIN)/python -m infra.channels.send_test $(if $(ENV),--env "$(ENV)")

gmail-grant: $(VENV)/.demo ## Let Gmail send as a user: prints the page of Google's consent and stores the grant in .env, or with PROJECT_ID=… as a secret
	@$(BIN)/python -m infra.channels.gmail_grant $(if $(ENV),--env "$(ENV)") $(if $(PROJECT_ID),--project "$(PROJECT_ID)" $(if $(ENVIRONMENT),--environment $(ENVIRONMENT)))

alert: $(VENV)/.demo ## Post an alert to the running stack; FILE=<body.json> chooses the body
	@$(BIN)/python -m infra.local alert $(if $(FILE),"$(FILE)") $(if $(filter-out file,$(origin PORT)),--port $(PORT))

traces: $(VENV)/.demo ## List the incidents of the running stack; ID=<incident_id> prints one trace; PROJECT_ID=… those of a deployed system
	@$(BIN)/python -m infra.operate traces $(ID) $(OF_PROJECT)

incident: $(VENV)/.demo ## Say what became of one incident: sent by which channels, what failed, cost, log; ID=<incident_id>, PROJECT_ID=… as above
	@$(BIN)/python -m infra.operate incident $(or $(ID),$(error ID=… says which incident)) $(OF_PROJECT)

spend: $(VENV)/.demo ## Say what the last 24 hours cost; PROJECT_ID=… as above
	@$(BIN)/python -m infra.operate spend $(OF_PROJECT)

pause: $(VENV)/.demo ## Stop everything now and lose nothing: hold alerts, pause the sweeper, cancel what runs; HOURS=24, PROJECT_ID=… REGION=…
	@$(BIN)/python -m infra.operate stop $(if $(HOURS),--hours $(HOURS)) $(if $(PROJECT_ID),$(OF_PLACE))

resume: $(VENV)/.demo ## Undo `make pause`; PROJECT_ID=… REGION=…
	@$(BIN)/python -m infra.operate resume $(if $(PROJECT_ID),$(OF_PLACE))

replay: $(VENV)/.demo ## Run an incident's steps again from what its trace recorded, and show what differs; ID=…, STEP=rca, MODEL=offline, sandbox, gemini or a model's name, PROJECT_ID=…
	@$(BIN)/python -m infra.replay $(or $(ID),$(error ID=… names the incident)) $(if $(STEP),--step $(STEP)) $(if $(MODEL),--model $(MODEL)) $(if $(PROJECT_ID),--project $(PROJECT_ID))

deadletters: $(VENV)/.demo ## List the dead-letter messages, and why they failed; REPLAY=1 sends them once more
	@$(BIN)/python -m infra.local deadletters $(if $(REPLAY),--replay)

maintenance: $(VENV)/.demo ## List maintenance windows; ADD='{"name": …, "matchers": {…}, "start": …, "until": …}' or REMOVE=<name>; PROJECT_ID=… for a deployed system
	@$(BIN)/python -m infra.operate maintenance $(if $(ADD),--add '$(ADD)') $(if $(REMOVE),--remove '$(REMOVE)') $(if $(PROJECT_ID),--project $(PROJECT_ID))

executions: $(VENV)/.demo ## List the workflow executions of the running stack; ID=<incident or execution> shows its steps in time
	@$(BIN)/python -m infra.local executions $(if $(ID),show $(ID),list)

install: $(VENV)/.test ## Install everything, tools included, into .venv

test: $(VENV)/.test ## Run every test, with the Cloud SDK's emulators where they are installed; ONLY=<path, or words of a name> runs some
	@$(BIN)/pytest $(if $(ONLY),$(if $(wildcard $(firstword $(subst ::, ,$(ONLY)))),$(ONLY),-k "$(ONLY)"),--numprocesses 2 --dist loadfile --no-loadscope-reorder)

check: lint types ## Check in under a minute what breaks most often: style, workflows, types, the laws of the architecture
	@$(BIN)/pytest --quiet --numprocesses 2 tests/architecture

run: $(VENV)/.test ## Run one function alone under functions-framework and print a request for it; NAME=rca PORT=8081
	@$(BIN)/python -m infra.local run $(or $(NAME),$(error NAME=… says which function)) $(if $(filter-out file,$(origin PORT)),--port $(PORT))

eval: $(VENV)/.demo ## Measure the agents over known incidents; RUNS=3, ONLY=<name>, AT_LEAST=0.9, whichever model is configured; FROM=incidents: those that people judged in the console, PROJECT_ID=…
	@$(BIN)/python -m infra.evals --runs $(or $(RUNS),3) $(if $(filter incidents,$(FROM)),--from-incidents $(if $(PROJECT_ID),--project $(PROJECT_ID))) $(if $(ONLY),--only $(ONLY)) $(if $(AT_LEAST),--at-least $(AT_LEAST))

score: $(VENV)/.demo ## Measure the analyst on known incidents beside naive baselines; ONLY=<part>, CASES=<folder>, REPOS=<folder>, JSON=<file>
	@$(BIN)/python -m infra.score $(ONLY) $(if $(CASES),--cases "$(CASES)") $(if $(REPOS),--repos "$(REPOS)") $(if $(JSON),--json "$(JSON)")

hostile: $(VENV)/.test ## Play every attack on what is written outside, and measure what redaction finds; ONLY=attacks or secrets, SEED=1
	@test "$(ONLY)" = attacks || test -e $(VENV)/scanners/complete || \
	  { echo "Installing two other scanners once, 420 MB" && $(PYTHON) -m venv $(VENV)/scanners && $(VENV)/scanners/bin/pip install --quiet $(SCANNERS) && touch $(VENV)/scanners/complete; } || \
	  echo "The other scanners could not be installed; the table is without them."
	@PATH="$(abspath $(VENV))/scanners/bin:$$PATH" $(BIN)/python -m tests.hostile $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

chaos: $(VENV)/.demo ## Plant faults, one alert each, and account for every alert; SINGLE=431 DOUBLE=100 KILLS=40 SEED=1 SLICE=1/4 ONLY=gemini:hang EMULATORS=1 JSON=<file>
	@$(BIN)/python -m infra.chaos run $(if $(SINGLE),--single $(SINGLE)) $(if $(DOUBLE),--double $(DOUBLE)) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED)) $(if $(SLICE),--slice $(SLICE)) $(if $(ONLY),--only "$(ONLY)") $(EMULATORS_ARGUMENT) $(if $(JSON),--json "$(JSON)")

soak: $(VENV)/.demo ## Post alerts for MINUTES=30; no function's memory or open files may grow by more than 5 %; JSON=<file>
	@$(BIN)/python -m infra.chaos soak --minutes $(or $(MINUTES),30) $(if $(JSON),--json "$(JSON)")

storm: $(VENV)/.demo ## Post ALERTS=10000 of SERVICES=200 from SENDERS=20 at once; each must be in a message, mails within the brake; JSON=<file>
	@$(BIN)/python -m infra.chaos storm $(if $(ALERTS),--alerts $(ALERTS)) $(if $(SERVICES),--services $(SERVICES)) $(if $(SENDERS),--senders $(SENDERS)) $(if $(JSON),--json "$(JSON)")

format: $(VENV)/.test ## Rewrite imports and layout as the style wants them
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

lint: $(VENV)/.test check-workflows ## Check style, and the workflows
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

check-workflows: $(VENV)/.test ## Check workflows/*.workflows.yaml: language, variables, contracts of the functions
	@$(BIN)/python -m infra.workflow_checks

types: $(VENV)/.test ## Check types
	@$(BIN)/mypy

generate: $(VENV)/.test ## Rewrite what is computed: schemas, .env.example, requirements, grants, tables of infra/README.md
	@$(BIN)/python -m infra.requirements && $(BIN)/python -m infra.grants && $(BIN)/python -m infra.release && $(BIN)/python -m infra.schemas

bundles: $(VENV)/.test ## Bundle every function into build/
	@$(BIN)/python -m infra.bundle

deploy: $(VENV)/.demo ## Deploy what changed; PROJECT_ID=… REGION=… name the place, ENVIRONMENT=staging another deployment there; YES=1 asks nothing, WITHOUT_CHANNEL=1 lets nobody get a message
	@$(BIN)/python -m infra.deploy $(PLACE) $(if $(YES),--yes) $(if $(WITHOUT_CHANNEL),--without-channel)

deploy-%: $(VENV)/.demo ## Deploy one function, for example deploy-rca
	@$(BIN)/python -m infra.deploy $(PLACE) --only $* $(if $(YES),--yes)

secret: $(VENV)/.demo ## Give a secret its value, typed without echo or piped in; NAME=… says which, KEEP=1 lets a sender's key hold besides the one before
	@$(BIN)/python -m infra.deploy $(PLACE) --secret $(or $(NAME),$(error NAME=… says which secret)) $(if $(KEEP),--keep)

signing-keys: $(VENV)/.demo ## Give every function that signs its answers a new key; then make deploy
	@$(BIN)/python -m infra.deploy $(PLACE) --signing-keys

grafana: $(VENV)/.demo ## Print what Grafana and Alertmanager need to send alerts; GRAFANA=https://me.grafana.net sets up that Grafana by its API; SIGNED=1, URL=… when nothing is deployed from here
	@$(BIN)/python -m $(if $(GRAFANA),infra.grafana.cloud --grafana $(GRAFANA),infra.grafana.files $(if $(LOKI_UID),--loki-uid $(LOKI_UID))) $(if $(URL),--url $(URL)) $(if $(SIGNED),--signed)

bench: $(if $(ONLY),$(addprefix bench-,$(ONLY)),bench-start bench-console bench-load bench-brief) ## Measure what the system takes, into build/ and infra/README.md; ONLY=start, console, load or brief; for brief PART=warm, cold or volume

bench-start: $(VENV)/.test
	@$(BIN)/python -m infra.bench.size_and_start

bench-console: $(VENV)/.test
	@$(BIN)/python -m infra.bench.console_list

bench-load: $(VENV)/.test
	@$(BIN)/python -m infra.bench.load

bench-brief: $(VENV)/.test $(VENV)/adk/.complete
	@$(BIN)/python -m infra.bench.brief $(addprefix --part ,$(PART))

bench-memory: $(VENV)/.test ## Measure the memory of every function for one request and for four at once; NAME=rca measures one
	@$(BIN)/python -m infra.bench.memory_use $(NAME)

checkov: ## Check infra/gcp for known weaknesses, in an environment of checkov's own
	@test -x $(VENV)/checkov/bin/checkov || \
	  { $(PYTHON) -m venv $(VENV)/checkov && $(VENV)/checkov/bin/pip install --quiet checkov==$(CHECKOV); }
	@$(VENV)/checkov/bin/checkov --directory infra/gcp --framework terraform --compact --quiet --skip-download

$(VENV)/adk/.complete: infra/bench/reference/requirements.txt
	@echo "Installing the reference's libraries once, into $(VENV)/adk" && $(PYTHON) -m venv $(VENV)/adk
	@$(VENV)/adk/bin/pip install --quiet --disable-pip-version-check -r $< && touch $@

clean: ## Remove what was built and what runs left behind
	rm -rf build .local output $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.demo: infra/local/requirements.txt functions/requirements.txt infra/constraints.txt
	$(call install,$<)

$(VENV)/.test: tests/requirements.txt infra/local/requirements.txt functions/requirements.txt infra/constraints.txt
	$(call install,$<)
	@touch $(VENV)/.demo

define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, found: $$($(PYTHON) --version 2>&1 || echo none). Try make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "No virtual environment could be made; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing $(1) into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(1)
	@touch $@
endef
