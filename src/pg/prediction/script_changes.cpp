/* What a statement changes for those that follow, and what earlier ones leave of its certainty. */
#include "pg/boundary.hpp"
#include "pg/compat.hpp"
#include "pg/prediction/catalog_rows.hpp"
#include "pg/prediction/expressions.hpp"
#include "pg/prediction/predictor.hpp"
#include "pg/prediction/query_reading.hpp"

#include <algorithm>

extern "C" {
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
}

namespace confiture::pg {

static bool names_tag(Datum tags, const char *tag) {
    Datum *elements;
    int count;
    deconstruct_array(DatumGetArrayTypeP(tags), TEXTOID, -1, false, TYPALIGN_INT, &elements,
                      nullptr, &count);
    for (int i = 0; i < count; i++)
        if (std::strcmp(TextDatumGetCString(elements[i]), tag) == 0)
            return true;
    return false;
}

/* Settings that a prediction depends on. */
static bool is_followed(const char *name) {
    for (const char *one :
         {"search_path", "timezone", "check_function_bodies", "default_tablespace",
          "default_table_access_method", "session_replication_role"})
        if (pg_strcasecmp(name, one) == 0)
            return true;
    return false;
}

static bool is_role(const char *name) {
    return pg_strcasecmp(name, "role") == 0 || pg_strcasecmp(name, "session_authorization") == 0;
}

void predictor::note_setting(const VariableSetStmt *statement) {
    const char *name = statement->name ? statement->name : "";
    if (statement->kind == VAR_RESET_ALL) {
        book_.doubt_all(origin_ + " resets all settings");
        return;
    }
    if (is_role(name)) {
        book_.doubt_all(origin_ + " sets the role, on which it depends what names and rights mean");
        if (std::strstr(namespace_search_path, "$user"))
            book_.doubt_names(origin_ + " sets the role, and a schema of its name is searched");
        return;
    }
    if (!is_followed(name))
        return;
    const auto value = call([&]() -> const char * {
        return statement->kind == VAR_SET_VALUE
                   ? ExtractSetVariableArgs(const_cast<VariableSetStmt *>(statement))
                   : nullptr;
    });
    if (statement->kind != VAR_SET_CURRENT)
        book_.settings.push_back(
            {name, value ? std::optional<std::string>(value) : std::nullopt, statement->is_local});
}

static const char *text_of(Node *constant) {
    if (IsA(constant, TypeCast))
        constant = reinterpret_cast<TypeCast *>(constant)->arg;
    if (!IsA(constant, A_Const))
        return nullptr;
    auto *value = reinterpret_cast<A_Const *>(constant);
#if PG_VERSION_NUM >= 150000
    return !value->isnull && IsA(&value->val, String) ? strVal(&value->val) : nullptr;
#else
    return value->val.type == T_String ? strVal(&value->val) : nullptr;
#endif
}

/* SELECT set_config(…), as pg_dump writes it. */
void predictor::note_set_config(const FuncCall *called, bool runs_once) {
    if (std::strcmp(strVal(llast(called->funcname)), "set_config") != 0)
        return;
    const bool complete = list_length(called->args) == 3;
    const char *name = complete ? text_of(static_cast<Node *>(linitial(called->args))) : nullptr;
    if (name && !is_followed(name) && !is_role(name))
        return;
    const char *value = complete ? text_of(static_cast<Node *>(lsecond(called->args))) : nullptr;
    if (!name || !value || is_role(name) || !runs_once) {
        book_.doubt_all(origin_ + " changes a setting by set_config()");
        book_.doubt_names(origin_ + " may change search_path by set_config()");
    } else // whether it is local matters only after a COMMIT: then it is taken as gone
        book_.settings.push_back({name, value, true});
}

void predictor::note_name(const std::string &name) {
    book_.touch_name(name, origin_ + " changes " + name);
}

/* What a DROP … CASCADE of the object would lock is what depends on it. */
void predictor::note_dependents(Oid class_id, Oid object_id) {
    if (object_id < FirstNormalObjectId)
        return;
    script_book nothing;
    predictor inside(nothing, origin_);
    inside.dropped({class_id, object_id, 0}, true);
    for (const prediction &one : inside.take())
        book_.touch(one.relation, origin_ + " changes what " + one.object + " depends on");
}

void predictor::note_type(List *name) {
    note_name(strVal(llast(name)));
    note_dependents(TypeRelationId, call([&] {
                        return LookupTypeNameOid(nullptr, makeTypeNameFromNameList(name), true);
                    }));
}

void predictor::note_function(List *name, bool is_new) {
    note_name(strVal(llast(name)));
    if (is_new)
        book_.add_function(strVal(llast(name)));
    FuncCandidateList candidates = call([&] { return compat::functions_named(name); });
    for (; candidates; candidates = candidates->next)
        note_dependents(ProcedureRelationId, candidates->oid);
}

/* One of the objects that are no relations, as DROP, ALTER … RENAME and SET SCHEMA name it. */
void predictor::note_object(ObjectType type, Node *object) {
    switch (type) {
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
        return note_type(IsA(object, TypeName) ? reinterpret_cast<TypeName *>(object)->names
                                               : reinterpret_cast<List *>(object));
    case OBJECT_DOMCONSTRAINT:
        if (IsA(object, List))
            return note_type(reinterpret_cast<List *>(object));
        return;
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_AGGREGATE:
    case OBJECT_ROUTINE:
        return note_function(reinterpret_cast<ObjectWithArgs *>(object)->objname, false);
    case OBJECT_CAST:
    case OBJECT_COLLATION:
    case OBJECT_CONVERSION:
    case OBJECT_OPCLASS:
    case OBJECT_OPERATOR:
    case OBJECT_OPFAMILY:
    case OBJECT_TRANSFORM:
    case OBJECT_LANGUAGE:
    case OBJECT_ACCESS_METHOD:
        return book_.doubt_all(origin_ + " changes how expressions are read");
    default:
        return;
    }
}

/* Functions in the defaults and constraints of columns, which rows set off. */
void predictor::note_expressions(Oid table, List *elements) {
    const auto look = [&](const Constraint *constraint) {
        if (!constraint->raw_expr)
            return;
        for (const FuncCall *called : read_query(constraint->raw_expr).functions)
            if (may_run_code(called))
                book_.add_code(table);
    };
    ListCell *cell, *inner;
    foreach (cell, elements) {
        auto *element = static_cast<Node *>(lfirst(cell));
        if (IsA(element, Constraint))
            look(reinterpret_cast<Constraint *>(element));
        if (!IsA(element, ColumnDef))
            continue;
        auto *column = reinterpret_cast<ColumnDef *>(element);
        foreach (inner, column->constraints)
            if (IsA(lfirst(inner), Constraint))
                look(static_cast<Constraint *>(lfirst(inner)));
        if (column->typeName && type_runs_code(call([&] {
                return LookupTypeNameOid(nullptr, column->typeName, true);
            })))
            book_.add_code(table);
    }
}

/* What a child or a copy takes over. */
void predictor::inherit_code(Oid from, Oid to) {
    if (book_.has_code(from) || sets_off_code(from))
        book_.add_code(to);
}

/* Event triggers that are there already. */
void predictor::note_event_triggers(Node *node) {
    const CommandTag tag = call([&] { return CreateCommandTag(node); });
    if (!command_tag_event_trigger_ok(tag))
        return;
    struct row {
        Oid function;
        NameData name;
    };
    const char *const tag_text = GetCommandTagName(tag);
    for (const row &one : catalog_rows<row>(
             EventTriggerRelationId, InvalidOid, {}, [&](HeapTuple tuple, row &found) {
                 auto *form = reinterpret_cast<Form_pg_event_trigger>(GETSTRUCT(tuple));
                 if (form->evtenabled == TRIGGER_DISABLED ||
                     std::strcmp(NameStr(form->evtevent), "login") == 0)
                     return false;
                 found.function = form->evtfoid;
                 found.name = form->evtname;
                 bool null;
                 const Datum tags =
                     SysCacheGetAttr(EVENTTRIGGEROID, tuple, Anum_pg_event_trigger_evttags, &null);
                 return null || names_tag(tags, tag_text);
             }))
        if (function_runs_code(one.function))
            return unknown(std::string("the event trigger ") + NameStr(one.name) + " runs code");
}

void predictor::note_changes(Node *node) {
    const auto touch_all = [&] {
        for (const prediction &one : found_)
            if (one.relation != InvalidOid && one.mode >= ShareUpdateExclusiveLock)
                book_.touch(one.relation, origin_ + " changes " + one.object);
    };
    switch (nodeTag(node)) {
    case T_SelectStmt:
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
#if PG_VERSION_NUM >= 150000
    case T_MergeStmt:
#endif
    case T_ExplainStmt:
    case T_PrepareStmt:
    case T_DeclareCursorStmt:
    case T_CopyStmt:
    case T_LockStmt:
    case T_CommentStmt:
    case T_SecLabelStmt:
    case T_GrantStmt:
    case T_VacuumStmt: // ANALYZE changes nothing that a plan looks at
        return;
    case T_VariableSetStmt:
        return note_setting(reinterpret_cast<VariableSetStmt *>(node));
    case T_DiscardStmt:
        return book_.doubt_all(origin_ + " discards what the session has set");
    case T_CreateSchemaStmt: {
        auto *schema = reinterpret_cast<CreateSchemaStmt *>(node);
        if (schema->schemaname)
            book_.make_schema(schema->schemaname);
        else
            book_.doubt_all(origin_ + " makes a schema that search_path may name");
        break;
    }
    case T_CreateEventTrigStmt:
    case T_AlterEventTrigStmt:
        return book_.open_all(origin_ + " changes event triggers, whose code runs from then on");
    case T_CreateTrigStmt:
        book_.add_code(find(reinterpret_cast<CreateTrigStmt *>(node)->relation));
        break;
    case T_RuleStmt:
        book_.add_code(find(reinterpret_cast<RuleStmt *>(node)->relation));
        break;
    case T_AlterTableStmt: {
        auto *whole = reinterpret_cast<AlterTableStmt *>(node);
        const Oid table = find(whole->relation);
        ListCell *cell;
        foreach (cell, whole->cmds) {
            auto *command = static_cast<AlterTableCmd *>(lfirst(cell));
            switch (command->subtype) {
            case AT_EnableTrig:
            case AT_EnableAlwaysTrig:
            case AT_EnableReplicaTrig:
            case AT_EnableTrigAll:
            case AT_EnableTrigUser:
            case AT_EnableRule:
            case AT_EnableAlwaysRule:
            case AT_EnableReplicaRule:
                book_.add_code(table);
                break;
            case AT_ColumnDefault:
                if (command->def)
                    for (const FuncCall *called : read_query(command->def).functions)
                        if (may_run_code(called))
                            book_.add_code(table);
                break;
            case AT_AddColumn:
            case AT_AddConstraint:
                note_expressions(table, list_make1(command->def));
                break;
            default:
                break;
            }
        }
        break;
    }
    case T_CreateFunctionStmt:
        note_function(reinterpret_cast<CreateFunctionStmt *>(node)->funcname, true);
        break;
    case T_AlterFunctionStmt:
        note_function(reinterpret_cast<AlterFunctionStmt *>(node)->func->objname, false);
        break;
    case T_DefineStmt: {
        auto *made = reinterpret_cast<DefineStmt *>(node);
        if (made->kind == OBJECT_AGGREGATE)
            note_function(made->defnames, true);
        else if (made->kind == OBJECT_TYPE)
            note_type(made->defnames);
        else
            note_object(made->kind, node);
        break;
    }
    case T_CompositeTypeStmt:
        note_name(reinterpret_cast<CompositeTypeStmt *>(node)->typevar->relname);
        break;
    case T_CreateEnumStmt:
        note_type(reinterpret_cast<CreateEnumStmt *>(node)->typeName);
        break;
    case T_CreateRangeStmt:
        note_type(reinterpret_cast<CreateRangeStmt *>(node)->typeName);
        break;
    case T_CreateDomainStmt:
        note_type(reinterpret_cast<CreateDomainStmt *>(node)->domainname);
        break;
    case T_AlterEnumStmt:
        note_type(reinterpret_cast<AlterEnumStmt *>(node)->typeName);
        break;
    case T_AlterDomainStmt:
        note_type(reinterpret_cast<AlterDomainStmt *>(node)->typeName);
        break;
    case T_AlterTypeStmt:
        note_type(reinterpret_cast<AlterTypeStmt *>(node)->typeName);
        break;
    case T_CreateCastStmt:
    case T_CreateOpClassStmt:
    case T_CreateOpFamilyStmt:
    case T_AlterOpFamilyStmt:
    case T_AlterOperatorStmt:
    case T_CreateTransformStmt:
    case T_CreatePLangStmt:
    case T_CreateAmStmt:
    case T_CreateConversionStmt:
    case T_AlterCollationStmt:
        book_.doubt_all(origin_ + " changes how expressions are read");
        break;
    case T_DropStmt: {
        auto *drop = reinterpret_cast<DropStmt *>(node);
        ListCell *cell;
        foreach (cell, drop->objects)
            note_object(drop->removeType, static_cast<Node *>(lfirst(cell)));
        break;
    }
    case T_RenameStmt: {
        auto *rename = reinterpret_cast<RenameStmt *>(node);
        if (rename->renameType == OBJECT_SCHEMA) {
            book_.rename_schema(rename->subname, rename->newname);
            book_.doubt_all(origin_ + " renames a schema");
        } else if (!rename->relation && rename->object) {
            note_object(rename->renameType, rename->object);
            note_name(rename->newname);
        }
        break;
    }
    case T_AlterObjectSchemaStmt: {
        auto *moved = reinterpret_cast<AlterObjectSchemaStmt *>(node);
        if (!moved->relation)
            note_object(moved->objectType, moved->object);
        break;
    }
    default:
        break;
    }
    touch_all();
}

/* Statements that lock no relation, whatever happened before. */
static bool locks_nothing(const Node *node) {
    switch (nodeTag(node)) {
    case T_TransactionStmt:
    case T_VariableSetStmt:
    case T_VariableShowStmt:
    case T_ConstraintsSetStmt:
    case T_NotifyStmt:
    case T_ListenStmt:
    case T_UnlistenStmt:
    case T_DeallocateStmt:
    case T_DiscardStmt:
    case T_CheckPointStmt:
    case T_ClosePortalStmt:
        return true;
    default:
        return false;
    }
}

void predictor::whole(Node *node, std::string_view text) {
    open_before_ = locks_nothing(node) ? std::string() : book_.open();
    names_open_before_ = book_.doubt_of_names();
    stale_ = book_.doubt();
    if (const std::string *reason = book_.touched_name(text); reason && stale_.empty())
        stale_ = *reason;
    statement(node);
    note_event_triggers(node);
    note_changes(node);
}

void predictor::lower_certainty() {
    const auto explain = [](prediction &one, const std::string &reason) {
        if (one.reason.find(reason) == std::string::npos)
            one.reason += (one.reason.empty() ? "" : "; ") + reason;
    };
    for (prediction &one : found_) {
        if (one.unknown)
            continue;
        if (!stale_.empty()) {
            one.doubtful = true;
            one.certain_mode = NoLock;
            one.rewrites.sure = std::max(one.rewrites.sure, likely);
            one.scans.sure = std::max(one.scans.sure, likely);
            explain(one, stale_);
        }
        if (!open_before_.empty()) {
            one.unknown = true;
            explain(one, open_before_);
        }
    }
    if (found_.empty() && !open_before_.empty())
        open(open_before_);
    else if (searched_ && !names_open_before_.empty())
        open(names_open_before_);
}

} // namespace confiture::pg
