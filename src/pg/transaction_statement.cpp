#include "pg/transaction_statement.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/memory.hpp"

namespace confiture::pg {

static transaction_word word_of(const TransactionStmt *statement) {
    switch (statement->kind) {
    case TRANS_STMT_BEGIN:
    case TRANS_STMT_START:
        return statement->options == NIL ? transaction_word::begin
                                         : transaction_word::begin_with_modes;
    case TRANS_STMT_COMMIT:
        return statement->chain ? transaction_word::commit_and_chain : transaction_word::commit;
    case TRANS_STMT_ROLLBACK:
        return transaction_word::rollback;
    case TRANS_STMT_PREPARE:
    case TRANS_STMT_COMMIT_PREPARED:
    case TRANS_STMT_ROLLBACK_PREPARED:
        return transaction_word::two_phase;
    default:
        return transaction_word::none;
    }
}

/* RESET and SET … TO DEFAULT of a default bring back what the session began with. */
static transaction_word word_of(const VariableSetStmt *statement) {
    const std::string name = statement->name ? statement->name : "";
    if (statement->kind == VAR_SET_MULTI)
        return name == "SESSION CHARACTERISTICS" ? transaction_word::default_modes
                                                 : transaction_word::modes;
    for (const char *mode :
         {"transaction_isolation", "transaction_read_only", "transaction_deferrable"}) {
        if (pg_strcasecmp(name.c_str(), mode) == 0)
            return transaction_word::modes;
        if (pg_strcasecmp(name.c_str(), (std::string("default_") + mode).c_str()) == 0 &&
            (statement->kind == VAR_SET_VALUE || statement->kind == VAR_SET_CURRENT))
            return transaction_word::default_modes;
    }
    return transaction_word::none;
}

transaction_word transaction_word_of(std::string_view statement) {
    memory_context memory("confiture statement");
    memory_scope scope(memory);
    const std::string terminated(statement);
    const Node *node = parse_statement(terminated.c_str())->stmt;
    if (IsA(node, TransactionStmt))
        return word_of(reinterpret_cast<const TransactionStmt *>(node));
    if (IsA(node, VariableSetStmt))
        return word_of(reinterpret_cast<const VariableSetStmt *>(node));
    return transaction_word::none;
}

} // namespace confiture::pg
