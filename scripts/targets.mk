# What PGXS does not know: set-up, the demo, the whole test suite, benchmarks.

# The scripts run make of their own, for one PostgreSQL after the other: nothing of this one is theirs.
clean_make = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES
# Whoever names a pg_config means that PostgreSQL alone.
named := $(if $(filter environment command,$(firstword $(origin PG_CONFIG))),here)
# Built and installed, with sudo where that is needed; quiet unless it fails.
built = mkdir -p build; $(clean_make) PG_CONFIG='$(PG_CONFIG)' test/part build >build/log 2>&1 || { cat build/log; exit 1; }
narrowed = PG_CONFIG='$(PG_CONFIG)' PARTS='$(PARTS)' FILES='$(FILES)'

.PHONY: help
help:
	@echo 'make              build for the PostgreSQL of PG_CONFIG (now: $(PG_CONFIG))'
	@echo 'make install      install it there'
	@echo 'make installcheck pg_regress on a server of its own, as an ordinary user'
	@echo 'make setup        install the Debian packages that building and testing need'
	@echo 'make demo         build, install, and see the migrations of a small shop dry-run and applied'
	@echo 'make test         everything, on PostgreSQL 15, 13, 17 and 18; with PG_CONFIG=..., on that one'
	@echo 'make test-15      everything on one version; test-13, test-17, test-18'
	@echo "                  PARTS='build pgtap' FILES='test/pgtap/a.sql' narrow a run down; the parts:"
	@echo '                  layers format build unit regress pgtap isolation cluster signatures tidy'
	@echo 'make bench        the benchmarks, on a private cluster'
	@echo 'make torture      KILLS=$(KILLS) times kill -9 while migrations run, on a private cluster; CONFITURE_SEED=... says which'
	@echo 'make judge        plans and dry runs of all forms of statements against the books of the server, on 15, 13, 17 and 18;'
	@echo '                  with PG_CONFIG=..., on that one; SHARE=20: one form in 20'
	@echo 'make fuzz         made-up input for the readers, FUZZ_SECONDS=$(FUZZ_SECONDS) for each target; needs clang'
	@echo 'make signatures   rewrite test/signatures: the SQL interface that a release promises'
	@echo 'make docs         rewrite docs/reference.md from the COMMENTs of the SQL objects'
	@echo 'make format       clang-format over src and test'

.PHONY: setup
setup:
	@scripts/setup

.PHONY: demo
demo: setup
	@$(built)
	@$(clean_make) PG_CONFIG='$(PG_CONFIG)' scripts/demo

.PHONY: test
test: setup
	@$(clean_make) $(narrowed) test/run $(named)

.PHONY: test-13 test-15 test-17 test-18
test-13 test-15 test-17 test-18: test-%: setup
	@$(clean_make) $(narrowed) test/run $*

.PHONY: bench
bench: setup
	@scripts/setup sqitch libdbd-pg-perl
	@$(built)
	@PG_CONFIG='$(PG_CONFIG)' test/with-cluster fsync=on test/bench/run

KILLS ?= 300
.PHONY: torture
torture: setup
	@$(built)
	@CONFITURE_KILLS=$(KILLS) PGBIN="$$($(PG_CONFIG) --bindir)" test/cluster/killed.t

SHARE ?= 1
.PHONY: judge
judge: setup
	@$(clean_make) PG_CONFIG='$(PG_CONFIG)' SHARE='$(SHARE)' test/judge/run $(named)

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz:
	@test/fuzz/run $(FUZZ_SECONDS)

.PHONY: signatures
signatures:
	PG_CONFIG='$(PG_CONFIG)' test/signatures/list >build/signatures
	mv build/signatures test/signatures/$(EXTVERSION).sig

.PHONY: docs
docs:
	@$(built)
	PG_CONFIG='$(PG_CONFIG)' scripts/reference >build/reference.md
	mv build/reference.md docs/reference.md

.PHONY: format
format:
	find src test -name '*.cpp' -o -name '*.hpp' | xargs -r clang-format -i
