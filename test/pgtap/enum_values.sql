-- Values that a step adds to an enum and a later one uses: a dry run takes them for committed where no index could keep a dead key.
SET client_min_messages = warning;
SELECT * FROM no_plan();
CREATE SCHEMA s;
CREATE FUNCTION pg_temp.state(script text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', stats->>'status', stats->'error'->>'sqlstate') FROM confiture.dry_run_sql(script)
$$;

CREATE TYPE s.mood AS ENUM ('sad', 'ok');
CREATE TABLE s.person (id int, mood s.mood, moods s.mood[]);
SELECT is(pg_temp.state($$ALTER TYPE s.mood ADD VALUE 'glad'; COMMIT; INSERT INTO s.person VALUES (1, 'glad')$$), 'complete', 'no index: it is used in the next step');
SELECT is(pg_temp.state($$DO 'BEGIN ALTER TYPE s.mood ADD VALUE ''glad''; END'; COMMIT; INSERT INTO s.person VALUES (1, 'glad')$$), 'complete', 'added in a DO block');
SELECT is(pg_temp.state($$ALTER TYPE s.mood ADD VALUE IF NOT EXISTS 'glad' BEFORE 'ok'; COMMIT; SELECT 'glad'::s.mood$$), 'complete', 'where it is not there');
SELECT is(pg_temp.state($$ALTER TYPE s.mood RENAME VALUE 'ok' TO 'fine'; SELECT 'fine'::s.mood$$), 'complete', 'a value that is renamed is used at once');
SELECT is(pg_temp.state($$ALTER TYPE s.mood ADD VALUE 'glad'; COMMIT; CREATE INDEX ON s.person (mood); INSERT INTO s.person VALUES (1, 'glad'), (2, 'sad')$$),
          'complete', 'an index that the dry run makes goes with it');
SELECT is(pg_temp.state($$CREATE INDEX ON s.person (mood); ALTER TYPE s.mood ADD VALUE 'glad'; COMMIT; INSERT INTO s.person VALUES (1, 'glad')$$), 'complete', 'before too');
SELECT is(pg_temp.state($$CREATE INDEX CONCURRENTLY ON s.person (mood); ALTER TYPE s.mood ADD VALUE 'glad'; COMMIT; INSERT INTO s.person VALUES (1, 'glad')$$), 'complete', 'and in another step');
SELECT is(pg_temp.state($$ALTER TYPE s.mood ADD VALUE 'glad'; INSERT INTO s.person VALUES (1, 'glad')$$), 'failed 55P04', 'in the same step it fails, as it really does');
SELECT alike(stats->'error'->>'hint', '%Write COMMIT after the ALTER TYPE%', 'and says what to do') FROM confiture.dry_run_sql($$ALTER TYPE s.mood ADD VALUE 'glad'; SELECT 'glad'::s.mood$$);

-- Every index that could be given such a key.
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE DOMAIN s.feeling AS s.mood;
CREATE TYPE s.span AS RANGE (subtype = s.mood);
CREATE TYPE s.both AS (id int, mood s.mood);
CREATE TABLE s.indexed (id int, mood s.mood, moods s.mood[], feeling s.feeling, span s.span, both_of s.both, feelings s.feeling[]);
CREATE TABLE s.whole (id int, mood s.mood) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.whole FOR VALUES FROM (0) TO (100);
CREATE FUNCTION s.as_mood(int) RETURNS s.mood LANGUAGE sql IMMUTABLE AS $$SELECT 'sad'::s.mood$$;
CREATE TEMPORARY TABLE definition (command text, kept boolean);
INSERT INTO definition VALUES
('CREATE INDEX i ON s.indexed (mood)', true),
('CREATE INDEX i ON s.indexed USING hash (mood)', true),
('CREATE INDEX i ON s.indexed USING gin (moods)', true),
('CREATE INDEX i ON s.indexed USING gist (mood)', true),
('CREATE INDEX i ON s.indexed USING gist (span)', true),
('CREATE INDEX i ON s.indexed (moods)', true),
('CREATE INDEX i ON s.indexed (feeling)', true),
('CREATE INDEX i ON s.indexed (feelings)', true),
('CREATE INDEX i ON s.indexed (both_of)', true),
('CREATE INDEX i ON s.indexed (id, mood)', true),
('CREATE INDEX i ON s.indexed (id) INCLUDE (mood)', true),
('CREATE INDEX i ON s.indexed ((s.as_mood(id)))', true),
('CREATE INDEX i ON s.indexed ((ARRAY[mood]))', true),
('CREATE UNIQUE INDEX i ON s.indexed (mood)', true),
('CREATE INDEX i ON s.part (mood)', true),
('CREATE INDEX i ON s.whole (mood)', true),
('ALTER TABLE s.indexed ADD CONSTRAINT i EXCLUDE USING gist (mood WITH =)', true),
('CREATE INDEX i ON s.indexed (id)', false),
('CREATE INDEX i ON s.indexed (id) WHERE mood = ''sad''', false),
('CREATE INDEX i ON s.indexed ((mood = ''sad''))', false);
CREATE FUNCTION pg_temp.state_with(definition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text;
BEGIN
    BEGIN
        EXECUTE definition;
        -- The index is there before the dry run begins: not committed, but not made in it either.
        state := pg_temp.state('ALTER TYPE s.mood ADD VALUE ''glad''; COMMIT; SELECT ''glad''::s.mood');
        RAISE EXCEPTION 'undone' USING ERRCODE = 'UNDON';
    EXCEPTION WHEN SQLSTATE 'UNDON' THEN NULL;
    END;
    RETURN state;
END
$$;
SELECT is(pg_temp.state_with(command), CASE WHEN kept THEN 'needs_commit' ELSE 'complete' END, command) FROM definition;

-- A chain.
SELECT confiture.register_migration(version, version, script)
  FROM (VALUES ('1', 'ALTER TYPE s.mood ADD VALUE ''glad'''), ('2', 'INSERT INTO s.person VALUES (1, ''glad'')'),
               ('3', 'ALTER TYPE s.mood ADD VALUE ''mad''; COMMIT; UPDATE s.person SET mood = ''mad''')) AS migration (version, script) \g /dev/null
SELECT results_eq($$SELECT migration_version, stats->>'status', rows_affected FROM confiture.dry_run_pending()$$,
                  $$VALUES ('1', 'complete', 0::bigint), ('2', 'complete', 1::bigint), ('3', 'complete', 1::bigint)$$, 'a chain goes on');

-- The hazard: a dead key that a later comparison meets.
CREATE INDEX person_mood ON s.person (mood);
SELECT is(pg_temp.state($$ALTER TYPE s.mood ADD VALUE 'glad'; COMMIT; INSERT INTO s.person SELECT n, 'glad' FROM generate_series(1, 5000) n$$), 'needs_commit', 'an index that was there');
ALTER TYPE s.mood ADD VALUE 'so so' BEFORE 'ok';
SELECT lives_ok($$INSERT INTO s.person SELECT n, 'so so' FROM generate_series(1, 100) n$$, 'so no key is left that no label belongs to');
DROP INDEX s.person_mood;

-- What the caller has added himself stays as it was.
BEGIN;
ALTER TYPE s.mood ADD VALUE 'bad';
SELECT is(pg_temp.state($$ALTER TYPE s.mood ADD VALUE 'glad'; COMMIT; SELECT 'glad'::s.mood$$), 'needs_commit', 'the caller has changed an enum himself');
SELECT throws_ok('SELECT ''bad''::s.mood', '55P04', NULL, 'and cannot use his value yet');
ROLLBACK;
SELECT is(enum_range(NULL::s.mood)::text, '{sad,"so so",ok}', 'nothing is left');

DROP SCHEMA s CASCADE;
SELECT * FROM finish();
