-- Folders of migrations: every layout, from the server's disk and from a table, and what is refused.
SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.run_program(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A command that ends before it has read what COPY writes breaks the pipe.
    EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'cat >/dev/null; ' || command);
END
$$;
CREATE FUNCTION pg_temp.folder(name text DEFAULT '') RETURNS text LANGUAGE sql AS $$
    SELECT format('%s/folders of %s/%s', current_setting('data_directory'), current_database(), name);
$$;
CREATE FUNCTION pg_temp.write(path text, content text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    whole text := pg_temp.folder(path);
    large_object oid := lo_from_bytea(0, convert_to(content, 'UTF8'));
BEGIN
    PERFORM pg_temp.run_program(format('mkdir -p "%s"', regexp_replace(whole, '/[^/]*$', '')));
    PERFORM lo_export(large_object, whole);
    PERFORM lo_unlink(large_object);
END
$$;
CREATE FUNCTION pg_temp.loaded(directory text, layout text DEFAULT 'auto') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    SELECT string_agg(concat_ws(' ', version, name, action), ', ') INTO told
      FROM confiture.load_migrations(pg_temp.folder(directory), layout);
    DELETE FROM confiture.migration;
    RETURN told;
END
$$;

SELECT pg_temp.run_program(format('rm -rf "%s"', pg_temp.folder())) \g /dev/null
SELECT pg_temp.write(path, content)
  FROM (VALUES
    ('plain/1.sql', 'CREATE TABLE one ()'),
    ('plain/2_two.up.sql', 'CREATE TABLE two ()'),
    ('plain/2_two.down.sql', 'DROP TABLE two'),
    ('plain/2_two.verify.sql', 'SELECT FROM two'),
    ('plain/10_ten.up.sql', 'CREATE TABLE ten ()'),
    ('plain/README.md', 'not a script'),
    ('golang/000001_one.up.sql', 'CREATE TABLE one ()'),
    ('golang/000001_one.down.sql', 'DROP TABLE one'),
    ('golang/000002_two.up.sql', 'CREATE TABLE two ()'),
    ('golang/000002_two.down.sql', 'DROP TABLE two'),
    ('sqlx/20240101000000_one.sql', 'CREATE TABLE one ()'),
    ('sqlx/20240102000000_two.sql', 'CREATE TABLE two ()'),
    ('flyway/V1__one.sql', 'CREATE TABLE one ()'),
    ('flyway/V1.1__one_and_more.sql', 'CREATE TABLE more ()'),
    ('flyway/U1__one.sql', 'DROP TABLE one'),
    ('flyway/R__view.sql', 'CREATE OR REPLACE VIEW v AS SELECT 1 AS one'),
    ('refinery/V1__one.sql', 'CREATE TABLE one ()'), ('refinery/mod.rs', ''),
    ('refinery/U2__two.sql', 'CREATE TABLE two ()'),
    ('dbmate/1_one.sql', E'-- migrate:up transaction:false\nCREATE TABLE one ();\n-- migrate:down\nDROP TABLE one;\n'),
    ('dbmate_down_first/1_one.sql', E'-- migrate:down\nDROP TABLE one;\n-- migrate:up\nCREATE TABLE one ();\n'),
    ('goose/1_one.sql', E'-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE one ();\n-- +goose StatementEnd\n'
                        '-- +goose Down\nDROP TABLE one;\n'),
    ('goose/2_two.sql', E'-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE two ();\n'),
    ('diesel/2024-01-01-000000_one/up.sql', 'CREATE TABLE one ()'),
    ('diesel/2024-01-01-000000_one/down.sql', 'DROP TABLE one'),
    ('diesel/2024-01-02-000000_two/up.sql', 'CREATE TABLE two ()'),
    ('diesel/2024-01-02-000000_two/metadata.toml', 'run_in_transaction = false'),
    ('prisma/20240101000000_one/migration.sql', 'CREATE TABLE one ()'),
    ('prisma/migration_lock.toml', 'provider = "postgresql"'),
    ('sqitch/sqitch.plan', E'%syntax-version=1.0.0\n%project=shop\n\none 2024-01-01T00:00:00Z A <a@b> # One\n'
                           'two [one] 2024-01-02T00:00:00Z A <a@b> # Two\n'),
    ('sqitch/deploy/one.sql', 'CREATE TABLE one ()'), ('sqitch/revert/one.sql', 'DROP TABLE one'),
    ('sqitch/verify/one.sql', 'SELECT FROM one'), ('sqitch/deploy/two.sql', 'CREATE TABLE two ()'),
    ('graphile/committed/000001.sql', E'--! Previous: -\n--! Hash: sha1:abc\n\nCREATE TABLE one ();\n'),
    ('empty_file/1_one.sql', 'CREATE TABLE one ()'), ('empty_file/2_two.sql', E' \n'),
    ('one_version/1_one.sql', 'CREATE TABLE one ()'), ('one_version/1_two.sql', 'CREATE TABLE two ()'),
    ('equal_versions/1_one.sql', 'CREATE TABLE one ()'), ('equal_versions/001_two.sql', 'CREATE TABLE two ()'),
    ('broken/1_one.sql', 'CREATE TABLE one ()'), ('broken/2_two.sql', E'CREATE TABLE two ();\n\nCREATE TABEL three ();\n'),
    ('nothing/README.md', 'nothing'),
    ('strange/first-script-ever.sql', 'SELECT 1')
  ) AS files (path, content) \g /dev/null

SELECT is(pg_temp.loaded('plain'), '1  added, 2 two added, 10 ten added', 'plain, without what is no script');
SELECT is(pg_temp.loaded('golang'), '000001 one added, 000002 two added', 'golang-migrate');
SELECT is(pg_temp.loaded('sqlx'), '20240101000000 one added, 20240102000000 two added', 'sqlx');
SELECT is(pg_temp.loaded('flyway'), '1 one added, 1.1 one_and_more added, R__view view added',
          'Flyway, repeatable ones last');
SELECT is(pg_temp.loaded('refinery'), '1 one added, 2 two added', 'refinery');
SELECT is(pg_temp.loaded('dbmate'), '1 one added', 'dbmate');
SELECT is(pg_temp.loaded('goose'), '1 one added, 2 two added', 'goose');
SELECT is(pg_temp.loaded('diesel'), '20240101000000 one added, 20240102000000 two added', 'diesel');
SELECT is(pg_temp.loaded('prisma'), '20240101000000 one added', 'Prisma');
SELECT alike(pg_temp.loaded('sqitch'), '%one added, % two added', 'Sqitch');
SELECT is(pg_temp.loaded('graphile'), '000001  added', 'graphile-migrate');
SELECT is(pg_temp.loaded('golang', 'golang-migrate'), '000001 one added, 000002 two added', 'a layout can be named');

-- What comes out of the files.
SELECT lives_ok($$SELECT confiture.load_migrations(pg_temp.folder('plain'))$$, 'a folder is loaded');
SELECT results_eq($$
    SELECT version, name, forward, backward, verify, options, repeatable FROM confiture.migration WHERE version = '2'
$$, $$
    VALUES ('2', 'two', 'CREATE TABLE two ()', 'DROP TABLE two', 'SELECT FROM two', '{}'::jsonb, false)
$$, 'a migration of three files');
SELECT alike(source, '%2_two.up.sql', 'the row names its file') FROM confiture.migration WHERE version = '2';
SELECT results_eq($$SELECT DISTINCT action FROM confiture.load_migrations(pg_temp.folder('plain'))$$,
                  ARRAY['unchanged'], 'a second time nothing changes');
SELECT results_eq(format($$SELECT version FROM confiture.load_migrations(%L)$$,
                         'folders of ' || :'DBNAME' || '/plain'),
                  ARRAY['1', '2', '10'], 'a relative directory begins at the data directory');
SELECT results_eq($$SELECT version FROM confiture.load_migrations(pg_temp.folder('plain') || '/')$$,
                  ARRAY['1', '2', '10'], 'a slash at the end does no harm');

SELECT pg_temp.write('plain/2_two.up.sql', 'CREATE TABLE two (changed int)') \g /dev/null
SELECT pg_temp.write('plain/11_eleven.up.sql', 'CREATE TABLE eleven ()') \g /dev/null
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('plain'))$$, 'MG005',
                 'migration "2" is registered already and differs', 'what differs is refused');
SELECT is_empty($$SELECT FROM confiture.migration WHERE version = '11'$$, 'and the folder with it, whole');
SELECT results_eq($$SELECT version, action FROM confiture.load_migrations(pg_temp.folder('plain'), replace => true)$$,
                  $$VALUES ('1', 'unchanged'), ('2', 'replaced'), ('10', 'unchanged'), ('11', 'added')$$,
                  'unless it may be replaced');
INSERT INTO confiture.history (version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by)
SELECT version, sort_key, name, 'forward', 'succeeded', checksum, now(), now(), current_user
  FROM confiture.migration WHERE version = '2';
SELECT pg_temp.write('plain/2_two.up.sql', 'CREATE TABLE two (changed bigint)') \g /dev/null
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('plain'), replace => true)$$, 'MG006',
                 'migration "2" is applied and cannot be changed', 'an applied one may not');
DELETE FROM confiture.history;
DELETE FROM confiture.migration;

SELECT confiture.load_migrations(pg_temp.folder('dbmate')) \g /dev/null
SELECT results_eq('SELECT forward, backward, options FROM confiture.migration',
                  $$VALUES (E'\nCREATE TABLE one ();\n', E'\n\n\nDROP TABLE one;\n', '{"transactional": false}'::jsonb)$$,
                  'dbmate: both scripts of one file, on their lines, and what it says of transactions');
DELETE FROM confiture.migration;
SELECT confiture.load_migrations(pg_temp.folder('dbmate_down_first')) \g /dev/null
SELECT results_eq('SELECT forward, backward FROM confiture.migration',
                  $$VALUES (E'\n\n\nCREATE TABLE one ();\n', E'\nDROP TABLE one;\n')$$, 'dbmate: the down part may come first');
DELETE FROM confiture.migration;
SELECT confiture.load_migrations(pg_temp.folder('diesel')) \g /dev/null
SELECT results_eq('SELECT options FROM confiture.migration ORDER BY version',
                  $$VALUES ('{}'::jsonb), ('{"transactional": false}')$$, 'diesel: run_in_transaction');
DELETE FROM confiture.migration;
SELECT confiture.load_migrations(pg_temp.folder('goose')) \g /dev/null
SELECT results_eq('SELECT options FROM confiture.migration ORDER BY version',
                  $$VALUES ('{}'::jsonb), ('{"transactional": false}')$$, 'goose: NO TRANSACTION');
SELECT is((confiture.dry_run('1')).success, true, 'what was loaded can be dry-run');
SELECT is((confiture.dry_run('1', 'backward')).stats->'error'->>'sqlstate', '42P01', 'and its way back');
DELETE FROM confiture.migration;
SELECT confiture.load_migrations(pg_temp.folder('flyway')) \g /dev/null
SELECT results_eq('SELECT name, backward, repeatable FROM confiture.migration ORDER BY repeatable, sort_key',
                  $$VALUES ('one', 'DROP TABLE one', false), ('one_and_more', NULL, false), ('view', NULL, true)$$,
                  'Flyway: undo scripts and repeatable ones');
DELETE FROM confiture.migration;

-- Refusals.
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('absent'))$$, 'MG005', NULL,
                 'a directory that does not exist');
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('plain/1.sql'))$$, 'MG005', NULL,
                 'a file that is no directory');
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('nothing'))$$, 'MG005', 'folder has no migrations',
                 'a folder without scripts');
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('strange'))$$, 'MG005', NULL,
                 'a folder of no known layout');
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('plain'), 'liquibase')$$, 'MG016',
                 'unknown layout "liquibase"', 'an unknown layout');
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('empty_file'))$$, 'MG005', NULL, 'an empty file');
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('one_version'))$$, 'MG005', NULL,
                 'two files of one version');
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('equal_versions'))$$, 'MG005', NULL,
                 'two files whose versions are equal in version order');
SELECT throws_ok($$SELECT confiture.load_migrations(pg_temp.folder('broken'))$$, 'MG005',
                 'syntax error at or near "TABEL"', 'a file that does not parse');
-- Parts that go back, marked as another tool does, never run forward.
CREATE FUNCTION pg_temp.loads(path text, content text, layout text DEFAULT 'auto') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DROP TABLE IF EXISTS pg_temp.marked;
    CREATE TEMPORARY TABLE marked AS
    SELECT path, convert_to(content, 'UTF8') AS content UNION ALL SELECT replace(path, '1', '2'), 'SELECT 1';
    PERFORM confiture.load_files('pg_temp.marked', layout);
END
$$;
SELECT throws_ok(format('SELECT pg_temp.loads(%L, %L, %L)', path, E'CREATE TABLE t ();\n' || line || E'\nDROP TABLE t;', layout),
                 'MG005', NULL, layout || ': ' || line)
  FROM (VALUES ('auto', '1_a.sql'), ('plain', '1_a.up.sql'), ('golang-migrate', '1_a.up.sql'), ('sqlx', '1_a.sql'),
               ('flyway', 'V1__a.sql'), ('refinery', 'V1__a.sql'), ('pop', '1_a.up.sql'), ('diesel', '1_a/up.sql'),
               ('prisma', '1_a/migration.sql'), ('graphile-migrate', 'committed/000001.sql')) AS layouts (layout, path),
       unnest('{-- +migrate Down,-- Down Migration,---- create above / drop below ----,-- //@UNDO,--migrate:down,
                " -- migrate:down",-- +goose Down,-- !Downs,-- rambler down,--rollback DROP TABLE t,-- DOWN,
                /* rollback */}'::text[]) AS line;
SELECT throws_ok(format('SELECT confiture.register_migration(''1'', ''a'', %L)', E'CREATE TABLE t ();\n' || line || E'\nDROP TABLE t;'),
                 'MG005', NULL, 'registered by hand: ' || line)
  FROM unnest('{-- +migrate Down,-- migrate:down,-- +goose Down,-- Down}'::text[]) AS line;
SELECT throws_ok($$SELECT confiture.register_migration('1', 'a', 'SELECT 1', down => E'SELECT 2;\n-- +goose Up\nSELECT 3')$$,
                 'MG005', 'line that looks like a marker of goose and is not understood in line 2', 'in a way back');
SELECT throws_ok(format('SELECT confiture.register_migration(''1'', ''a'', %L)', blank), 'MG005', 'forward script is empty',
                 'registered by hand: without any text')
  FROM unnest(ARRAY['', ' ', E'\n\t \n']) AS blank;
SELECT lives_ok($$SELECT confiture.register_migration('1', 'a', '-- nothing to do')$$,
                'a comment is a script that does nothing');
DELETE FROM confiture.migration;
SELECT is_empty('SELECT FROM confiture.migration', 'what was refused is refused whole');
SELECT throws_ok('SELECT confiture.load_migrations(NULL)', 'MG016', 'directory must not be null', 'a null directory');

-- A table of files, as a client sends them.
CREATE TEMPORARY TABLE files (path text, content bytea);
INSERT INTO files VALUES ('1_one.up.sql', 'CREATE TABLE one ()'), ('1_one.down.sql', 'DROP TABLE one');
SELECT results_eq($$SELECT version, name, action FROM confiture.load_files('files')$$,
                  $$VALUES ('1', 'one', 'added')$$, 'files of a table are loaded');
DELETE FROM confiture.migration;
CREATE TEMPORARY VIEW "files of ""a"" view" AS SELECT * FROM files;
SELECT results_eq($$SELECT version FROM confiture.load_files('"files of ""a"" view"')$$, ARRAY['1'],
                  'a view with a difficult name will do');
DELETE FROM confiture.migration;
UPDATE files SET content = convert_to(E'\uFEFFCREATE TABLE "größe" ();\r\n', 'UTF8') WHERE path LIKE '%up.sql';
SELECT lives_ok($$SELECT confiture.load_files('files')$$, 'a byte order mark is taken off');
SELECT is((confiture.dry_run('1')).success, true, 'and the script runs');
DELETE FROM confiture.migration;
UPDATE files SET content = '\x53454c4543542027ff27' WHERE path LIKE '%up.sql';
SELECT throws_ok($$SELECT confiture.load_files('files')$$, 'MG005', 'file "1_one.up.sql", line 1, is not valid UTF-8',
                 'a file that is not UTF-8');
UPDATE files SET content = '\x53454c45435420310a0a00' WHERE path LIKE '%up.sql';
SELECT throws_ok($$SELECT confiture.load_files('files')$$, 'MG005', 'file "1_one.up.sql", line 3, has a NUL byte',
                 'a file with a NUL byte');
UPDATE files SET content = '\xfffe530045004c00' WHERE path LIKE '%up.sql';
SELECT throws_ok($$SELECT confiture.load_files('files')$$, 'MG005', 'file "1_one.up.sql" is UTF-16, not UTF-8',
                 'a file in UTF-16');
UPDATE files SET content = 'SELECT 1', path = '1_../../etc/passwd' WHERE path LIKE '%up.sql';
SELECT throws_ok($$SELECT confiture.load_files('files')$$, 'MG005', NULL, 'a path that means no migration');
DELETE FROM files;
SELECT throws_ok($$SELECT confiture.load_files('files')$$, 'MG005', 'folder has no migrations', 'a table without rows');
CREATE TEMPORARY TABLE no_files (name text);
SELECT throws_ok($$SELECT confiture.load_files('no_files')$$, '42703', NULL, 'a table without the columns');
SELECT throws_ok($$SELECT confiture.load_files('absent_files')$$, '42P01', NULL, 'a table that does not exist');
SELECT throws_ok($$SELECT confiture.load_files(4294967295::oid::regclass)$$, 'MG016',
                 'relation with OID 4294967295 does not exist', 'nor by number');

-- Rights.
CREATE ROLE loader_without_rights;
GRANT USAGE ON SCHEMA confiture TO loader_without_rights;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO loader_without_rights;
GRANT SELECT ON files TO loader_without_rights;
CREATE TEMPORARY TABLE secret_files (path text, content bytea);
CREATE TEMPORARY TABLE place AS SELECT pg_temp.folder('plain') AS directory;
GRANT SELECT ON place TO loader_without_rights;
INSERT INTO files VALUES ('1_one.up.sql', 'CREATE TABLE one ()');
SET ROLE loader_without_rights;
SELECT throws_ok($$SELECT confiture.load_migrations(directory) FROM place$$, NULL,
                 'permission denied to read files of the server', 'files of the server need pg_read_server_files');
SELECT throws_ok($$SELECT confiture.load_files('secret_files')$$, '42501', NULL,
                 'a table of files needs SELECT on it');
SELECT lives_ok($$SELECT confiture.load_files('files')$$, 'and nothing else');
RESET ROLE;
SELECT is((SELECT registered_by FROM confiture.migration), 'loader_without_rights', 'the registrar is the role');
DELETE FROM confiture.migration;
GRANT pg_read_server_files TO loader_without_rights;
SET ROLE loader_without_rights;
SELECT lives_ok($$SELECT confiture.load_migrations(directory) FROM place$$, 'pg_read_server_files is enough');
RESET ROLE;

-- Links may lead round in circles.
DELETE FROM confiture.migration;
SELECT pg_temp.write('rounds/1_one.sql', 'SELECT 1') \g /dev/null
SELECT pg_temp.run_program(format('cd "%1$s" && ln -s . a && ln -s . b', pg_temp.folder('rounds'))) \g /dev/null
SELECT results_eq($$SELECT version FROM confiture.load_migrations(pg_temp.folder('rounds'))$$, ARRAY['1'], 'each folder is read once');
DELETE FROM confiture.migration;

DROP OWNED BY loader_without_rights;
DROP ROLE loader_without_rights;
SELECT pg_temp.run_program(format('rm -rf "%s"', pg_temp.folder())) \g /dev/null
SELECT * FROM finish();
