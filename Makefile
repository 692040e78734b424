# make demo and make test need nothing but Go, make and the module proxy.
# The race detector needs a C compiler besides; without one the tests run without it.

GO     ?= go
RACE   := $(if $(shell command -v $${CC:-cc} 2>/dev/null),-race)
LINT    = $(GO) tool -modfile=.ci/tools.mod golangci-lint
# Most tests wait for a service that is slow on purpose, so more run at once than there are
# processors. vet is a target of its own. The time is for a test that hangs.
TESTFLAGS = -parallel 6 -vet=off -timeout 12m
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: help build demo test vet lint vuln soak fuzz bench clean

help: ## what there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

build: ## the program, as bin/sefs
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/sefs ./cmd/sefs

demo: ## a guided run against a service of its own: no account, no network
	$(GO) run ./cmd/sefs demo

test: vet lint ## everything that has to pass
	$(if $(RACE),,@echo "make test: no C compiler, so no race detector")
	$(GO) test $(RACE) $(TESTFLAGS) ./...
	GOMAXPROCS=1 $(GO) test $(RACE) $(TESTFLAGS) -count=1 -short ./fs
	GOMAXPROCS=1 $(GO) test $(RACE) $(TESTFLAGS) -count=1 -short -run 'Mount|Background|Demo' ./cmd/sefs

vet:
	$(GO) vet ./...
	$(GO) mod verify

lint: ## the rules of .golangci.yml, the directions of imports among them
	$(LINT) run ./...

vuln: ## known vulnerabilities in what sefs uses; asks a database on the network
	@found=$$($(GO) tool -modfile=.ci/vuln.mod govulncheck ./... 2>&1); code=$$?; \
	case "$$found" in \
	*"fetching vulnerabilities:"*) echo "make vuln: nothing was checked: the database cannot be reached" >&2; exit 75;; \
	esac; \
	echo "$$found"; exit $$code

# How long mounts are used while all changes and fails.
SOAK ?= 30m

soak: ## longer forms of tests, and half an hour of use, changes and faults at once
	SEFS_TEST_LONG=1 $(GO) test -timeout 60m -count=1 -skip '^TestSoak$$' ./...
	SEFS_TEST_LONG=1 SEFS_SOAK=$(SOAK) $(GO) test -timeout 24h -count=1 -v -run '^TestSoak$$' ./fs

fuzz: ## a minute for each fuzz target
	for target in FuzzOpen FuzzDecode FuzzFiles FuzzFile FuzzLink FuzzContentRange FuzzStorages FuzzFailure FuzzRetryAfter FuzzLinkEnd FuzzAnswer; do \
		$(GO) test ./apiclient -run '^$$' -fuzz "^$$target\$$" -fuzztime 1m -fuzzminimizetime 10x || exit 1; \
	done

bench: ## benchmarks, with calls counted
	$(GO) test -run '^$$' -bench . -benchtime 3x -timeout 3h ./apiclient ./cache ./fs ./cmd/sefs

clean: ## what make build made
	rm -rf bin
