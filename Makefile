# harness. Needs Go and make; `make help` lists the targets.

GO    ?= go
BIN   := bin/harness
BUILD := .build
TOOL  := $(GO) tool -modfile=tools/go.mod
ACTIONLINT := $(GO) tool -modfile=tools/actionlint/go.mod actionlint
SHELL_SCRIPTS = $(shell grep -lE '^\#!.*\bbash$$' .ci/* scripts/* ci/record-history ci/steps/*)
VENV  := $(BUILD)/venv
JS    := $(BUILD)/js-qdrant
PIP   := plugins/internal/encoder/testdata/requirements.txt sdk/python/requirements.txt
NPM   := plugins/internal/qdrantserver/testdata
JSAS  := $(BUILD)/js-assemblyscript
NPMAS := examples/plugins/assemblyscript
JSHUB := $(BUILD)/js-github
NPMHUB := ci/testdata/npm

# The NVML binding declares functions that its own header calls deprecated.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations

.DEFAULT_GOAL := build
.PHONY: help run build test test-browser test-contract test-tools check lint race cross drift generate bench bench-engine bench-memory soak release release-check accuracy calibrate fuzz clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: build ## build, then measure all five areas
	$(BIN) run --plugins all

build: ## bin/harness
	$(GO) build -trimpath -o $(BIN) ./cmd/harness

test: build test-tools ## every test; sets up the peers that tests use where python3 and npm are there
	HARNESS_BIN=$(CURDIR)/$(BIN) $(GO) test -timeout 30m ./...

test-browser: ## the HTML pages in chromium: console, requests, sorting, dark mode, keyboard, names, 360 px
	$(GO) test -tags browser -count=1 -v -run '^TestBrowser' ./internal/report

test-contract: $(JSHUB)/.ready ## the bot and its GitHub stand-in against GitHub's own description of the API
	HARNESS_REQUIRE_PEERS=1 $(GO) test -count=1 -v -run 'Description|Violation|WrongAnswer' ./ci/hubtest
	HARNESS_REQUIRE_PEERS=1 $(GO) test -count=1 ./ci/hubtest ./ci/hub

test-tools: $(VENV)/.ready $(JS)/.ready $(JSHUB)/.ready $(JSAS)/.ready

$(VENV)/.ready: $(PIP)
	@mkdir -p $(BUILD)
	@if command -v python3 >/dev/null; then \
		python3 -m venv $(VENV) && $(VENV)/bin/pip install --quiet --disable-pip-version-check $(addprefix -r ,$(PIP)) && touch $@; \
	else echo "no python3: the tests against ONNX Runtime will be skipped"; fi

$(JS)/.ready: $(NPM)/package.json $(NPM)/package-lock.json $(NPM)/.npmrc
	@mkdir -p $(JS)
	@if command -v npm >/dev/null; then \
		cp $^ $(JS)/ && npm ci --prefix $(JS) --no-audit --no-fund --loglevel=error && touch $@; \
	else echo "no npm: the tests with Qdrant's JavaScript client will be skipped"; fi

$(JSHUB)/.ready: $(NPMHUB)/package.json $(NPMHUB)/package-lock.json
	@mkdir -p $(JSHUB)
	@if command -v npm >/dev/null; then \
		cp $^ $(JSHUB)/ && npm ci --prefix $(JSHUB) --ignore-scripts --no-audit --no-fund --loglevel=error && \
		find $(JSHUB)/node_modules/@octokit/openapi/generated -name '*.json' ! -name api.github.com.json -delete && touch $@; \
	else echo "no npm: the tests against GitHub's description of its API will be skipped"; fi

$(JSAS)/.ready: $(NPMAS)/package.json $(NPMAS)/package-lock.json
	@mkdir -p $(JSAS)
	@if command -v npm >/dev/null; then \
		cp $^ $(JSAS)/ && npm ci --prefix $(JSAS) --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@; \
	else echo "no npm: the plugin in AssemblyScript will not be built and tested"; fi

check: lint drift cross race ## lint, layers, generated files, other systems, race detector

lint:
	$(TOOL) golangci-lint run ./...
	$(TOOL) buf lint
	$(TOOL) buf breaking sdk/proto --against cmd/harness/testdata/first # the protocol as first released
	$(ACTIONLINT) .github/workflows/*.yml ci/workflows/*.yml
	@if command -v shellcheck >/dev/null; then shellcheck $(SHELL_SCRIPTS); \
	elif [ "$$HARNESS_REQUIRE_PEERS" = 1 ]; then echo "needs shellcheck: install it"; exit 1; \
	else echo "no shellcheck: the shell scripts are not linted"; fi

race: test-tools
	$(GO) test -race -timeout 30m ./sdk/... ./internal/... ./plugins/... ./ci/...
	$(GO) test -race -short ./ci/...

cross:
	CGO_ENABLED=0 $(GO) build ./...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) vet ./...
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) build ./sdk ./sdk/loop ./sdk/abi ./sdk/serve ./sdk/sandbox

drift: generate
	@git diff --exit-code -- '*.pb.go' '*.schema.json' || { echo "generated files differ: commit what make generate made"; exit 1; }

generate: ## protobuf code and JSON Schemas
	$(TOOL) buf generate sdk/proto -o sdk/proto
	$(TOOL) buf generate plugins/internal/service/proto -o plugins/internal/service/proto
	$(GO) generate ./...

bench: build ## the figures of docs/figures.md, peers beside them in the same run
	HARNESS_BIN=$(CURDIR)/$(BIN) scripts/bench

release: ## archives for Linux and macOS in dist: make release VERSION=1.2.3
	scripts/release '$(VERSION)' dist

release-check: ## every archive built twice, in two folders, the second time without a cache
	scripts/release-check

bench-engine: build ## CPU time of a request: harness's HTTP engines beside other load generators, on nginx
	HARNESS_BIN=$(CURDIR)/$(BIN) scripts/bench-engine

bench-memory: build ## resident memory of a kept connection, at 5,000 of them, on nginx
	HARNESS_BIN=$(CURDIR)/$(BIN) scripts/bench-memory

soak: build ## whether resident memory stays flat over an hour: make soak MINUTES=15
	HARNESS_BIN=$(CURDIR)/$(BIN) scripts/soak $(MINUTES)

accuracy: build ## harness against servers of known latency, beside its peers, and broken on purpose: docs/accuracy.md
	$(GO) build -o $(BUILD)/accuracy ./internal/accuracy
	$(BUILD)/accuracy -harness $(BIN)

calibrate: ## how often verdicts are wrong: the tables of docs/verdicts.md
	@$(GO) run ./internal/verdict/calibrate

fuzz: ## every fuzz test for 20 s
	scripts/fuzz 20s

clean: ## what make and harness put here
	rm -rf bin dist $(BUILD) run.json report.html report.json report.md report.txt
