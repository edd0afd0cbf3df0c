PREFIX = /usr/local
GO = go
INIT =
RULES = /etc/sysconfig/ipvsadm

# The tag leaves out the documentation generator of urfave/cli, which costs every start a millisecond.
export GOFLAGS += -tags=urfave_cli_no_docs -buildvcs=false
export CGO_ENABLED = 0

links = ipvsadm-save ipvsadm-restore
# Where bash, zsh and fish look. The first and the last look for a file of the command's name, so the links have links.
completions = $(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions/ipvsadm \
	zsh/site-functions/_ipvsadm fish/vendor_completions.d/ipvsadm.fish)
unit = $(DESTDIR)$(PREFIX)/lib/systemd/system/ipvsadm.service
script = $(DESTDIR)/etc/init.d/ipvsadm
sources = $(shell find . -name '*.go' ! -name '*_test.go') go.mod go.sum $(wildcard .git/logs/HEAD)

.PHONY: all tools demo test test-kernels shell install install-systemd install-sysv uninstall clean

# The program, and the two other names it goes by.
all: ipvsadm $(links)

ipvsadm: $(sources)
	version=$$(git describe --tags --always --dirty 2>/dev/null || echo unknown) && \
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
	$(GO) run $(staticcheck) ./...
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	shellcheck $$(grep -rlE '^#!/bin/(ba)?sh' --exclude-dir=.git --exclude-dir=build --exclude='*.go' --exclude='*.md' --exclude='*.txt*' .)
	mandoc -T lint -W warning man/*.8
	tests/lab/lab_test
	tests/all

# Each fuzz target for FUZZTIME, with FUZZPARALLEL workers. The inputs that `make test` runs are in testdata/fuzz.
fuzz:
	tests/fuzz

# Known vulnerabilities in what the program uses. The list of them is at vuln.go.dev; without that this says so, and
# fails only for a vulnerability.
vulncheck:
	@GOBIN=$(CURDIR)/build $(GO) install $(govulncheck)
	@build/govulncheck ./... || { status=$$?; [ $$status -ne 3 ] || exit $$status; \
	echo "vulncheck: NOT CHECKED: see above" >&2; }

.PHONY: fuzz vulncheck

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

# DESTDIR= and PREFIX= as usual; a distribution says PREFIX=/usr. INIT=systemd installs the unit too, which restores
# the table at start, from RULES= (on Debian say RULES=/etc/ipvsadm.rules); INIT=sysv the script for /etc/init.d, which
# finds its file by itself; INIT="systemd sysv" both.
install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 755 ipvsadm $(DESTDIR)$(PREFIX)/sbin
	for link in $(links); do ln -sf ipvsadm $(DESTDIR)$(PREFIX)/sbin/$$link || exit; done
	install -m 644 man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -d $(DESTDIR)$(PREFIX)/share/ipvsadm $(dir $(completions))
	install -m 644 man/ipvsadm.schema.json $(DESTDIR)$(PREFIX)/share/ipvsadm
	install -m 644 init/ipvsadm.bash $(word 1,$(completions))
	install -m 644 init/_ipvsadm $(word 2,$(completions))
	install -m 644 init/ipvsadm.fish $(word 3,$(completions))
	for link in $(links); do ln -sf ipvsadm $(dir $(word 1,$(completions)))$$link || exit; done
	for link in $(links); do ln -sf ipvsadm.fish $(dir $(word 3,$(completions)))$$link.fish || exit; done
	for init in $(INIT); do $(MAKE) --no-print-directory install-$$init || exit; done

install-systemd:
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/sbin/|$(PREFIX)/sbin/|; s|/etc/sysconfig/ipvsadm|$(RULES)|' init/ipvsadm.service >$(unit)
	chmod 644 $(unit)

install-sysv:
	install -d $(DESTDIR)/etc/init.d
	sed 's|^PATH=/usr/sbin:|PATH=$(PREFIX)/sbin:|' init/ipvsadm.init >$(script)
	chmod 755 $(script)

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/sbin/,ipvsadm $(links))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man8/,$(notdir $(wildcard man/*.8)))
	rm -f $(DESTDIR)$(PREFIX)/share/ipvsadm/ipvsadm.schema.json $(completions)
	rm -f $(addprefix $(dir $(word 1,$(completions))),$(links)) $(addprefix $(dir $(word 3,$(completions))),$(addsuffix .fish,$(links)))
	rmdir $(DESTDIR)$(PREFIX)/share/ipvsadm 2>/dev/null || true
	rm -f $(if $(filter systemd,$(INIT)),$(unit)) $(if $(filter sysv,$(INIT)),$(script))

clean:
	rm -rf ipvsadm $(links) build
