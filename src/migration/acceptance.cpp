#include "migration/acceptance.hpp"

#include "trust/trust.hpp"

namespace confiture::migration {

static constexpr const char *kind = "migration";

std::string definition_hash(const registered &migration) {
    return trust::hash_of_parts({migration.version, migration.name, migration.options,
                                 migration.repeatable ? "repeatable" : "once", migration.checksum});
}

bool is_accepted(const registered &migration) {
    return trust::is_trusted_role(migration.registered_by) ||
           trust::is_pinned(kind, migration.version, definition_hash(migration));
}

void pin(const registered &migration) {
    trust::pin(kind, migration.version, definition_hash(migration));
}

void refuse_untrusted(std::span<const stored> migrations) {
    const registered *first = nullptr;
    std::size_t count = 0;
    for (const stored &migration : migrations)
        if (!is_accepted(migration)) {
            first = first ? first : &migration;
            count++;
        }
    if (first)
        throw trust::refusal(kind, first->version,
                             "was registered by " + trust::described(first->registered_by),
                             count - 1);
}

} // namespace confiture::migration
