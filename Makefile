PREFIX = /usr/local
GO = go
INIT =
# What -v prints. Without it, what git says.
VERSION =

# The tag leaves out the documentation generator of urfave/cli, which costs every start a millisecond.
export GOFLAGS += -tags=urfave_cli_no_docs -buildvcs=false
export CGO_ENABLED = 0

links = ipvsadm-save ipvsadm-restore
# fish looks under /usr, and for the administrator's own in /etc, but not under /usr/local.
fish = $(if $(filter /usr/local,$(PREFIX)),/etc/fish/completions,$(PREFIX)/share/fish/vendor_completions.d)
bash = $(PREFIX)/share/bash-completion/completions
installed = $(PREFIX)/share/ipvsadm/installed
sources = $(shell find . -name '*.go' ! -name '*_test.go') go.mod go.sum $(wildcard .git/logs/HEAD)

.PHONY: all tools demo test test-kernels shell install stage stage-systemd stage-sysv uninstall clean another-version

# The program, and the two other names it goes by.
all: ipvsadm $(links)

# A tarball may lie in another project's repository, so git is asked only in a repository of our own.
ipvsadm: $(sources) $(if $(filter-out $(word 2,$(shell ./ipvsadm -v 2>/dev/null)),$(VERSION)),another-version)
	version=$(VERSION); \
	[ -n "$$version" ] || version=$$([ -e .git ] && git describe --tags --always --dirty 2>/dev/null) || version=unknown; \
	$(GO) build -trimpath -ldflags "-s -w -X main.version=$$version" -o $@ .

$(links): ipvsadm
	ln -sf ipvsadm $@

# What the lab, the tests and the demo need, if it is missing.
tools:
	@tests/lab/install

# The program at work in a network of its own, in a kernel of its own.
demo: tools all
	@PATH="$(CURDIR):$$PATH" tests/lab/run tests/demo/demo

# A root shell in that kernel, to look around. What it does to this machine's files is gone when it ends.
shell: tools all
	@PATH="$(CURDIR):$$PATH" LAB_TERMINAL=1 tests/lab/run bash

staticcheck = honnef.co/go/tools/cmd/staticcheck@v0.8.2
govulncheck = golang.org/x/vuln/cmd/govulncheck@v1.1.4

# Everything that can be checked: the sources, the scripts, the manual pages, the lab; and every Go test, here or
# in the lab, whose kernel is the installed one (6.1 on Debian 12) or KERNEL=5.10, 6.1, 6.12 or 7.2.
test: export LAB_KERNEL = $(KERNEL)
test: tools all
	$(GO) vet ./...
	$(GO) vet $(long) ./tests
	$(GO) vet $(long),packages ./tests
	$(GO) run $(staticcheck) ./...
	$(GO) -C packaging vet ./...
	$(GO) -C packaging test ./...
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	shellcheck $$(grep -rlE '^#!/bin/(ba)?sh' --exclude-dir=.git --exclude-dir=build --exclude='*.go' --exclude='*.md' --exclude='*.txt*' .)
	mandoc -T lint -W warning man/*.8
	tests/lab/lab_test
	tests/all

# What takes too long for `make test`: the tests of the files named *_long_test.go, in the lab. KERNEL= as above.
long = -tags=urfave_cli_no_docs,long
test-long: export LAB_KERNEL = $(KERNEL)
test-long: export LAB_TIMEOUT = 3600
test-long: tools all
	@tests/lab/prometheus
	$(GO) test -count=1 -v -timeout 60m $(long) -run '^TestLong' -exec '$(CURDIR)/tests/lab/run' ./tests

# Each fuzz target for FUZZTIME, with FUZZPARALLEL workers. The inputs that `make test` runs are in testdata/fuzz.
fuzz:
	tests/fuzz

# How many small changes of the program the unit tests notice: MUTANTS= of them, chosen by SEED=. At least 90 % is wanted.
MUTANTS = 300
SEED = 1
mutants:
	$(GO) run ./tests/mutants -number $(MUTANTS) -seed $(SEED)

# Known vulnerabilities in what the program uses. The list of them is at vuln.go.dev; without that this says so, and
# fails only for a vulnerability.
vulncheck:
	@GOBIN=$(CURDIR)/build $(GO) install $(govulncheck)
	@build/govulncheck ./... || { status=$$?; [ $$status -ne 3 ] || exit $$status; \
	echo "vulncheck: NOT CHECKED: see above" >&2; }

.PHONY: test-long fuzz mutants vulncheck

# The same on every kernel there is a lab for.
test-kernels:
	for kernel in "" 5.10 6.12 7.2; do $(MAKE) test KERNEL=$$kernel || exit; done

# The README's commands, make demo and make test, on a fresh Debian 12 that has git, make, ca-certificates and Go: as
# root, and as an ordinary user with sudo. It needs root, 5 GB in /var/tmp (or TMPDIR), and half an hour.
test-fresh:
	@tests/fresh/run

.PHONY: test-fresh

# Against the original and the least possible, by instructions: tests/bench/RESULTS.md. SERVICES=, SERVERS=,
# CONNECTIONS= and RUNS= are its size; ICOUNT=0 is for a look at the wall's clock.
bench: all
	@tests/bench/install
	tests/bench/run

# DESTDIR= and PREFIX= as usual; a distribution says PREFIX=/usr. INIT=systemd adds a unit that restores the table at
# start, INIT=sysv a script for /etc/init.d that does the same, INIT="systemd sysv" both. Files that dpkg or rpm owns
# stay as they are, and then nothing is installed, unless FORCE=1.
install: all
	@stage=$$(mktemp -d) && trap 'rm -rf "$$stage"' EXIT && \
	$(MAKE) --no-print-directory stage stage="$$stage" && \
	DESTDIR='$(DESTDIR)' FORCE='$(FORCE)' init/installer install "$$stage" $(installed)

# Removes the files of install that nobody has changed since.
uninstall:
	@DESTDIR='$(DESTDIR)' FORCE='$(FORCE)' init/installer uninstall $(installed)

# The files to install, under $(stage): those of make install, of the packages and of the tarballs.
program = ipvsadm
stage: $(INIT:%=stage-%)
	@install -D -m 755 $(program) $(stage)$(PREFIX)/sbin/ipvsadm
	@install -D -m 644 -t $(stage)$(PREFIX)/share/man/man8 man/*.8
	@install -D -m 644 -t $(stage)$(PREFIX)/share/ipvsadm man/*.schema.json
	@install -D -m 644 init/ipvsadm.bash $(stage)$(bash)/ipvsadm
	@install -D -m 644 -t $(stage)$(PREFIX)/share/zsh/site-functions init/_ipvsadm
	@install -D -m 644 -t $(stage)$(fish) init/ipvsadm.fish
	@# bash and fish look for a file of the command's name.
	@for link in $(links); do \
		ln -s ipvsadm $(stage)$(PREFIX)/sbin/$$link && ln -s ipvsadm $(stage)$(bash)/$$link && \
		ln -s ipvsadm.fish $(stage)$(fish)/$$link.fish || exit; \
	done

stage-systemd:
	@mkdir -p $(stage)$(PREFIX)/lib/systemd/system $(stage)$(PREFIX)/lib/ipvsadm
	@for unit in $(notdir $(wildcard init/*.service init/*.timer)); do \
		sed 's|/usr/lib/|$(PREFIX)/lib/|; s|/usr/sbin/|$(PREFIX)/sbin/|' init/$$unit \
			>$(stage)$(PREFIX)/lib/systemd/system/$$unit || exit; \
	done
	@install -D -m 644 init/ipvsadm.tmpfiles $(stage)$(PREFIX)/lib/tmpfiles.d/ipvsadm.conf
	@sed 's|^PATH=|PATH=$(PREFIX)/sbin:|' init/ipvsadm.init >$(stage)$(PREFIX)/lib/ipvsadm/init
	@chmod 755 $(stage)$(PREFIX)/lib/ipvsadm/init

stage-sysv:
	@mkdir -p $(stage)/etc/init.d
	@sed 's|^PATH=|PATH=$(PREFIX)/sbin:|' init/ipvsadm.init >$(stage)/etc/init.d/ipvsadm
	@chmod 755 $(stage)/etc/init.d/ipvsadm

# deb, rpm and apk packages and a tarball for each of ARCHITECTURES, in build/packages, with their digests. VERSION=
# overrides the tag's version, MAINTAINER= the packages' contact, SOURCE_DATE_EPOCH= the time of the files.
ARCHITECTURES = amd64 arm64 riscv64 ppc64le s390x
packages:
	@packaging/build $(ARCHITECTURES)

# The packages in Debian 12, in sid and in the lab, under traffic; in an RPM root; and foreign programs under qemu. It
# needs root, because it makes whole systems in build/roots.
test-packages: tools all
	@tests/packages/run

# What a release consists of. It fails if README, manual, CHANGELOG and version do not agree.
release:
	@packaging/release

.PHONY: packages test-packages release

clean:
	rm -rf ipvsadm $(links) build
