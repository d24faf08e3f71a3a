/* A hook in C: keeps a journal of migrations. */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "extension/confiture/confiture_hook.h"
#include "fmgr.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

CONFITURE_HOOK(journal);

/* The text of a member of an object; a null Datum where it has none. */
static Datum
text_member(Jsonb *object, const char *name, char *nulls)
{
    JsonbValue *member = getKeyJsonValueFromContainer(&object->root, name, strlen(name), NULL);

    if (member == NULL)
    {
        *nulls = 'n';
        return (Datum) 0;
    }
    if (member->type != jbvString)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                 errmsg("\"%s\" must be a text", name),
                 errdetail("The config is %s.", JsonbToCString(NULL, &object->root, VARSIZE(object))),
                 errhint("Register the hook again.")));
    return PointerGetDatum(cstring_to_text_with_len(member->val.string.val, member->val.string.len));
}

void
journal(const ConfitureHookContext *context, ConfitureHookResult *result)
{
    Oid types[] = {TEXTOID, TEXTOID, BOOLOID, TEXTOID};
    char nulls[] = {' ', ' ', ' ', ' '};
    Datum values[] = {
        CStringGetTextDatum(context->migration_name),
        CStringGetTextDatum(context->phase),
        BoolGetDatum(context->dry_run),
        text_member(context->config, "note", &nulls[3]),
    };

    SPI_connect();
    if (SPI_execute_with_args("INSERT INTO hook_extension.journal (migration, phase, dry_run, note)"
                              " VALUES ($1, $2, $3, $4)",
                              4, types, values, nulls, false, 0) != SPI_OK_INSERT)
        elog(ERROR, "could not write the journal");
    result->has_rows_affected = true;
    result->rows_affected = SPI_processed;
    SPI_finish();

    /* After SPI_finish(), which would free it. */
    result->stats = DatumGetJsonbP(DirectFunctionCall1(
        jsonb_in, CStringGetDatum(psprintf("{\"rows_of_migration\": " INT64_FORMAT "}", context->rows_affected))));
}
