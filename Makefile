# Short names for the steps of .ci/run, which runs all of them.
.PHONY: all test lint acceptance generate bench

all:
	.ci/run

test:
	.ci/run format vet test race

lint:
	.ci/run lint workflows

acceptance:
	.ci/run acceptance soak fleet modules

generate:
	go generate ./...
	cd acceptance && go test -run Faults . -update

bench: # takes about a quarter of an hour, and writes the tables of benchmarks/README.md
	cd benchmarks && go run .
