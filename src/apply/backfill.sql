CREATE PROCEDURE confiture.backfill(
    table_name regclass,
    assignments text,
    condition text DEFAULT NULL,
    name text DEFAULT NULL,
    batch_size integer DEFAULT 1000,
    max_batch_size integer DEFAULT 100000,
    batch_time interval DEFAULT '200 milliseconds',
    pause interval DEFAULT '0',
    max_lag interval DEFAULT '10 seconds',
    max_wait_caused interval DEFAULT '500 milliseconds',
    restart boolean DEFAULT false,
    INOUT rows_updated bigint DEFAULT NULL,
    INOUT batches integer DEFAULT NULL,
    INOUT execution_time_ms double precision DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_backfill';
COMMENT ON PROCEDURE confiture.backfill(regclass, text, text, text, integer, integer, interval, interval, interval, interval, boolean, bigint, integer, double precision) IS 'Runs UPDATE table SET assignments WHERE condition in batches along the primary key, or a unique index of NOT NULL columns, and commits each. Batches begin with batch_size rows and grow or shrink to take batch_time, up to max_batch_size rows; between them it pauses, and waits while a standby is more than max_lag behind (null: waits for none). A batch that makes another session wait for max_wait_caused (0: no limit) is taken back and made smaller, and so is one that does not get a lock within confiture.lock_timeout, up to confiture.lock_retries times. A call that ended early is gone on with by the same call; one that finished is not repeated but with restart. Returns the rows and batches of this call. Errors: MG008 where the same backfill is at work, MG009, MG010, MG016, and those of the server with the keys of the batch in DETAIL.';

CREATE PROCEDURE confiture.backfill_sql(
    table_name regclass,
    statement text,
    name text DEFAULT NULL,
    batch_size integer DEFAULT 1000,
    max_batch_size integer DEFAULT 100000,
    batch_time interval DEFAULT '200 milliseconds',
    pause interval DEFAULT '0',
    max_lag interval DEFAULT '10 seconds',
    max_wait_caused interval DEFAULT '500 milliseconds',
    restart boolean DEFAULT false,
    INOUT rows_updated bigint DEFAULT NULL,
    INOUT batches integer DEFAULT NULL,
    INOUT execution_time_ms double precision DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_backfill_sql';
COMMENT ON PROCEDURE confiture.backfill_sql(regclass, text, text, integer, integer, interval, interval, interval, interval, boolean, bigint, integer, double precision) IS 'As confiture.backfill(), with a statement of your own for each batch of the rows of table_name: the first key of the batch is $1 and the last one $2, both belong to the batch; keys of n columns are $1 to $n and the n after them. Errors: as confiture.backfill().';
