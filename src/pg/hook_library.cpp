#include "pg/hook_library.hpp"

#include "pg/boundary.hpp"
#include "pg/jsonb.hpp"
#include "pg/session_watch.hpp"

#include "pg/confiture_hook.h"

namespace confiture::pg {

/* What the server itself says of code that fails in a way of its own. */
static constexpr sqlstate external_routine_exception{"38000"};

/* The server keeps a list of what it has loaded: asking again costs a few stat() calls. */
static ConfitureHookFunction find(const std::string &library, const std::string &symbol) {
    const std::string version_symbol = symbol + "_confiture_hook_version";
    struct found {
        ConfitureHookFunction hook;
        ConfitureHookVersionFunction version;
    };
    // No file system has longer names; the server tells of them with an internal error.
    constexpr std::size_t longest_name = 255;
    const std::size_t name_begins =
        library.rfind('/') == std::string::npos ? 0 : library.rfind('/') + 1;
    if (library.size() >= MAXPGPATH || library.size() - name_begins > longest_name)
        throw failure{configuration_invalid, "the name of the library is too long",
                      "It has " + std::to_string(library.size()) + " bytes."};
    const found functions = call([&]() -> found {
        void *handle = nullptr;
        void *hook = reinterpret_cast<void *>(
            load_external_function(library.c_str(), symbol.c_str(), false, &handle));
        void *version =
            reinterpret_cast<void *>(lookup_external_function(handle, version_symbol.c_str()));
        return {reinterpret_cast<ConfitureHookFunction>(hook),
                reinterpret_cast<ConfitureHookVersionFunction>(version)};
    });
    if (!functions.hook || !functions.version)
        throw failure{configuration_invalid,
                      "library \"" + library + "\" has no hook \"" + symbol + "\"",
                      functions.hook ? "It has a function of that name, but it is not declared as "
                                       "a hook."
                                     : "It has no function of that name.",
                      "Declare it with CONFITURE_HOOK(" + symbol + ") of confiture_hook.h."};
    if (const int version = functions.version(); version != CONFITURE_HOOK_API_VERSION)
        throw failure{configuration_invalid,
                      "hook \"" + symbol + "\" of library \"" + library +
                          "\" was built for another version of confiture",
                      "It has version " + std::to_string(version) +
                          " of confiture_hook.h; this server has " +
                          std::to_string(CONFITURE_HOOK_API_VERSION) + ".",
                      "Build the library again."};
    return functions.hook;
}

void load_library_hook(const std::string &library, const std::string &symbol) {
    find(library, symbol);
}

static Jsonb *document(const std::string &image) {
    const value copy = jsonb(image);
    return copy.null ? nullptr : DatumGetJsonbP(copy.datum);
}

hook_output call_library_hook(const std::string &library, const std::string &symbol,
                              const hook_input &input) {
    const ConfitureHookFunction hook = find(library, symbol);
    const ConfitureHookContext context{input.version ? input.version->c_str() : nullptr,
                                       input.name.c_str(),
                                       input.direction.c_str(),
                                       input.phase,
                                       input.dry_run,
                                       input.rows_affected.value_or(-1),
                                       input.execution_time_ms,
                                       document(input.config),
                                       document(input.stats),
                                       document(input.error)};
    ConfitureHookResult result{};
    Oid user;
    int security_context;
    GetUserIdAndSecContext(&user, &security_context);
    try {
        const resting_watch watch; // its timer would cut the sleeps of the hook short
        call([&] {
            CommandCounterIncrement();
            PushActiveSnapshot(GetTransactionSnapshot());
            hook(&context, &result);
            // An ERROR puts back whose rights the code has; a hook may forget to.
            SetUserIdAndSecContext(user, security_context);
            PopActiveSnapshot();
            CommandCounterIncrement();
            if (result.stats) // as SPI hands it out, it may be packed
                result.stats = DatumGetJsonbP(PointerGetDatum(result.stats));
        });
    } catch (const error &) {
        throw;
    } catch (const std::exception &raised) { // of a hook in C++
        throw failure{external_routine_exception, raised.what(),
                      "The hook let a C++ exception out."};
    } catch (...) {
        throw failure{external_routine_exception, "unknown C++ exception",
                      "The hook let a C++ exception out that is no std::exception."};
    }
    hook_output output;
    if (result.has_rows_affected)
        output.rows = result.rows_affected;
    if (result.stats)
        output.stats = jsonb_image(value{JsonbPGetDatum(result.stats), false});
    return output;
}

} // namespace confiture::pg
