# confiture: a PostgreSQL extension built with PGXS.  `make help` lists what else there is.
EXTENSION = confiture
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" confiture.control)
MODULE_big = confiture

listed := $(shell sed 's/\#.*//' src/sources.txt)
OBJS = $(patsubst %.cpp,%.o,$(filter %.cpp,$(listed)))
sql_parts = $(filter %.sql,$(listed))

DATA_built = $(EXTENSION)--$(EXTVERSION).sql
SCRIPTS = scripts/confiture-load
# What hooks in C are compiled with: installed as extension/confiture/confiture_hook.h among the server's headers.
HEADERS_confiture = src/pg/confiture_hook.h

# As system headers, PostgreSQL's give none of the warnings that -Wextra finds in them from one version to the next.
PG_CPPFLAGS = -Isrc -isystem $(includedir_server)
# PGXS passes COPT to C alone.
PG_CXXFLAGS = -std=c++20 -Wall -Wextra -Werror -Wno-register -MMD -MP $(COPT)
SHLIB_LINK = -lstdc++
SHLIB_EXPORTS = exports.txt
# The bitcode rules ignore PG_CXXFLAGS; a plain assignment would be ignored too.
override with_llvm := no

# `make installcheck` brings its own server: run it as an ordinary user, after `make install`.
REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --temp-instance=tmp_check --temp-config=/dev/null --load-extension=confiture
EXTRA_CLEAN = $(OBJS:.o=.d) $(addprefix test/border/,*.o *.d border.so) test/hook_extension/*.o test/hook_extension/*.so \
              $(EXTENSION)--*.sql exports.list build results tmp_check

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifeq ($(PGXS),)
all install installcheck clean:
	@echo "no PostgreSQL to build for: run 'make setup', or set PG_CONFIG" >&2; exit 1
else
include $(PGXS)

# The border under test: its objects with functions that prove them, and what of the rooms above can be proved in the same
# way; for test/cluster, never installed.
border_test = test/border/border
border_tests = $(addprefix test/border/,border.o outcomes.o progress.o worker.o)
.PHONY: border
border: $(border_test).so
$(border_test).so: $(border_tests) $(filter src/pg/% src/apply/outcome%,$(OBJS)) exports.list
	$(CXX) $(CXXFLAGS) -shared -Wl,--version-script=exports.list -o $@ $(filter %.o,$^) $(SHLIB_LINK)

-include $(OBJS:.o=.d) $(border_tests:.o=.d)

# Objects of another PostgreSQL, or of other flags, are made again.
built_for := build/built_for
ifneq ($(shell cat $(built_for) 2>/dev/null),$(shell $(PG_CONFIG) --version --includedir-server | tr '\n' ' '))
$(shell mkdir -p build && $(PG_CONFIG) --version --includedir-server | tr '\n' ' ' >$(built_for))
endif
$(OBJS) $(border_tests): Makefile $(built_for)

# Only src/pg may open PostgreSQL's headers: everything above is compiled without them in reach.
above_border = $(filter-out src/pg/%,$(OBJS))
server_headers = -isystem $(includedir_server) -I$(includedir_server) -I$(includedir_internal)
$(above_border): override CPPFLAGS := $(filter-out $(server_headers),$(CPPFLAGS))

$(EXTENSION)--$(EXTVERSION).sql: $(sql_parts) src/sources.txt confiture.control Makefile
	@# The server reads it in the encoding of the database, which may be any.
	@if LC_ALL=C grep -n '[^[:print:][:space:]]' /dev/null $(sql_parts); then echo 'not ASCII' >&2; exit 1; fi
	cat /dev/null $(sql_parts) >$@
endif

include scripts/targets.mk
