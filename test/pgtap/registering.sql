-- Migrations that are registered one by one: what is added, replaced, left alone, refused and found again.
SELECT * FROM no_plan();

SELECT is(confiture.register_migration('001', 'first', 'CREATE TABLE a (b int)'), 'added', 'a new version is added');
SELECT is(confiture.register_migration('001', 'first', 'CREATE TABLE a (b int)'), 'unchanged',
          'the same again changes nothing');
SELECT is(confiture.register_migration('001', 'first', 'CREATE TABLE a (b int, c int)'), 'replaced',
          'another script replaces it while it is not applied');
SELECT is(confiture.register_migration('001', 'renamed', 'CREATE TABLE a (b int, c int)'), 'replaced',
          'another name replaces it');
SELECT is(confiture.register_migration('001', 'renamed', 'CREATE TABLE a (b int, c int)', down => 'DROP TABLE a'),
          'replaced', 'a backward script that was added replaces it');
SELECT is(confiture.register_migration('001', 'renamed', 'CREATE TABLE a (b int, c int)', down => 'DROP TABLE a',
                                       verify => 'SELECT b FROM a'),
          'replaced', 'a verify script that was added replaces it');
SELECT is(confiture.register_migration('001', 'renamed', 'CREATE TABLE a (b int, c int)', down => 'DROP TABLE a',
                                       verify => 'SELECT b FROM a', options => '{"lock_timeout": "5s"}'),
          'replaced', 'another option replaces it');

SELECT results_eq($$
    SELECT version, name, forward, backward, verify, options, repeatable, source, registered_by
      FROM confiture.migration
$$, $$
    VALUES ('001', 'renamed', 'CREATE TABLE a (b int, c int)', 'DROP TABLE a', 'SELECT b FROM a',
            '{"lock_timeout": "5s"}'::jsonb, false, NULL::text, current_user::text COLLATE "default")
$$, 'the row holds what was registered, and who did it');
SELECT cmp_ok((SELECT registered_at FROM confiture.migration), '>', now() - interval '1 hour', 'and when');
SELECT is((SELECT checksum ~ '^[0-9a-f]{64}$' FROM confiture.migration), true,
          'the checksum is a SHA-256 in hexadecimal');

-- Versions that are equal in version order are one migration.
SELECT is(confiture.register_migration('1', 'renamed', 'CREATE TABLE a (b int, c int)', down => 'DROP TABLE a',
                                       verify => 'SELECT b FROM a', options => '{"lock_timeout": "5s"}'),
          'replaced', 'version 1 is version 001');
SELECT results_eq('SELECT version FROM confiture.migration', ARRAY['1'], 'and there is one of them');
SELECT confiture.unregister_migration('001') \g /dev/null
SELECT is_empty('SELECT version FROM confiture.migration', 'unregister finds 1 by 001');

-- Look-up, seen by the dry run.
SELECT confiture.register_migration('007', 'seven', 'CREATE TABLE seven ()') \g /dev/null
SELECT confiture.register_migration('1.10', 'one ten', 'CREATE TABLE ten ()') \g /dev/null
SELECT confiture.register_migration('20240101120000', 'stamped', 'CREATE TABLE stamped ()') \g /dev/null
SELECT is((confiture.dry_run('007')).migration_name, 'seven', 'a version is found as it was written');
SELECT is((confiture.dry_run('7')).migration_version, '007', 'a version is found by its equal');
SELECT is((confiture.dry_run('0007')).migration_version, '007', 'leading zeros do not matter');
SELECT is((confiture.dry_run('1.010')).migration_version, '1.10', 'nor do they in a later part');
SELECT throws_ok($$SELECT confiture.dry_run('1.1')$$, 'MG004', 'migration "1.1" is not registered',
                 '1.1 is not 1.10');
SELECT throws_ok($$SELECT confiture.dry_run('70')$$, 'MG004', 'migration "70" is not registered',
                 'an unknown version is refused');
SELECT throws_ok($$SELECT confiture.unregister_migration('nope')$$, 'MG004', 'migration "nope" is not registered',
                 'and cannot be unregistered');

-- Order.
SELECT confiture.register_migration(version, 'of the order', 'SELECT 1')
  FROM unnest(ARRAY['10', '2', '1.9', '1.10.1', '9', '2a', '20231231235959']) AS version \g /dev/null
SELECT results_eq('SELECT version FROM confiture.status',
                  ARRAY['1.9', '1.10', '1.10.1', '2', '2a', '007', '9', '10', '20231231235959', '20240101120000'],
                  'the order is natural: 2 before 10, 1.9 before 1.10, time stamps as numbers');

-- Checksums.
CREATE FUNCTION pg_temp.checksum(up text, down text DEFAULT NULL, verify text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT confiture.register_migration('checked', 'checked', up, down, verify);
    SELECT checksum FROM confiture.migration WHERE version = 'checked';
$$;
CREATE TEMPORARY TABLE checked AS SELECT pg_temp.checksum(E'SELECT 1;\nSELECT 2;\n') AS was;
SELECT is(pg_temp.checksum(E'SELECT 1;\r\nSELECT 2;\r\n'), was, 'CRLF line ends do not matter') FROM checked;
SELECT is(pg_temp.checksum(E'SELECT 1;\rSELECT 2;\r'), was, 'CR line ends do not matter') FROM checked;
SELECT is(pg_temp.checksum(E'SELECT 1;  \t\nSELECT 2;'), was, 'trailing blanks do not matter') FROM checked;
SELECT is(pg_temp.checksum(E'SELECT 1;\nSELECT 2;\n\n\n'), was, 'empty lines at the end do not matter') FROM checked;
SELECT isnt(pg_temp.checksum(E'SELECT 1;\n\nSELECT 2;\n'), was, 'an empty line in between matters') FROM checked;
SELECT isnt(pg_temp.checksum(E' SELECT 1;\nSELECT 2;\n'), was, 'a blank in front matters') FROM checked;
SELECT isnt(pg_temp.checksum(E'SELECT  1;\nSELECT 2;\n'), was, 'a blank in the middle matters') FROM checked;
SELECT isnt(pg_temp.checksum(E'select 1;\nSELECT 2;\n'), was, 'case matters') FROM checked;
SELECT isnt(pg_temp.checksum(E'SELECT 1; -- one\nSELECT 2;\n'), was, 'a comment matters') FROM checked;
SELECT isnt(pg_temp.checksum(E'SELECT 1;\nSELECT 2;\n', ''), was, 'an empty backward script is not none') FROM checked;
SELECT isnt(pg_temp.checksum('SELECT 1', 'SELECT 2'), pg_temp.checksum('SELECT 1', NULL, 'SELECT 2'),
            'a backward script is not a verify script');
SELECT isnt(pg_temp.checksum('SELECT 1', 'SELECT 2'), pg_temp.checksum('SELECT 2', 'SELECT 1'),
            'forward is not backward');

-- Applied migrations stay as they were applied.
INSERT INTO confiture.history (version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by)
SELECT version, sort_key, name, 'forward', 'succeeded', checksum, now(), now(), current_user
  FROM confiture.migration
 WHERE version = '007';
SELECT throws_ok($$SELECT confiture.register_migration('007', 'seven', 'CREATE TABLE eight ()')$$, 'MG006',
                 'migration "007" is applied and cannot be changed', 'an applied migration is not replaced');
SELECT throws_ok($$SELECT confiture.register_migration('7', 'seven', 'CREATE TABLE eight ()')$$, 'MG006',
                 'migration "007" is applied and cannot be changed', 'nor by its equal');
SELECT is(confiture.register_migration('007', 'seven', E'CREATE TABLE seven ()\n'), 'unchanged',
          'what does not change its checksum is fine');
SELECT throws_ok($$SELECT confiture.unregister_migration('007')$$, 'MG005',
                 'migration "007" is applied and cannot be unregistered', 'an applied migration is not unregistered');

-- Refusals.
SELECT throws_ok($$SELECT confiture.register_migration('', 'nameless', 'SELECT 1')$$, 'MG005',
                 'invalid version ""', 'a version is not empty');
SELECT throws_ok($$SELECT confiture.register_migration(repeat('1', 201), 'long', 'SELECT 1')$$, 'MG005', NULL,
                 'a version has at most 200 bytes');
SELECT throws_ok($$SELECT confiture.register_migration(NULL, 'x', 'SELECT 1')$$, 'MG005',
                 'version, name and up must not be null', 'a version is not null');
SELECT throws_ok($$SELECT confiture.register_migration('x', NULL, 'SELECT 1')$$, 'MG005',
                 'version, name and up must not be null', 'a name is not null');
SELECT throws_ok($$SELECT confiture.register_migration('x', 'x', NULL)$$, 'MG005',
                 'version, name and up must not be null', 'a script is not null');
SELECT throws_ok($$SELECT confiture.register_migration('x', 'x', 'SELECT 1', options => '{"fast": true}')$$, 'MG016',
                 'invalid option "fast" of a migration', 'an unknown option is refused');
SELECT throws_ok($$SELECT confiture.register_migration('x', 'x', 'SELECT 1', options => '{"transactional": "no"}')$$,
                 'MG016', 'invalid option "transactional" of a migration', 'an option of the wrong type is refused');
SELECT throws_ok($$SELECT confiture.register_migration('x', 'x', 'SELECT 1', options => '{"lock_timeout": "soon"}')$$,
                 'MG016', NULL, 'an option of no meaning is refused');
SELECT throws_ok(format($$SELECT confiture.register_migration('x', 'x', 'SELECT 1', options => %L)$$, '{"depends": ' || d || '}'),
                 'MG016', 'invalid option "depends" of a migration', 'depends takes an array of versions, not ' || d)
  FROM unnest(ARRAY['"001"', '[1]', '["001", null]', '{"001": true}']) d;
SELECT throws_ok($$SELECT confiture.register_migration('x', 'x', 'SELECT 1', options => '[]')$$, 'MG016',
                 'options must be a JSON object', 'options are an object');
SELECT throws_ok($$SELECT confiture.register_migration('x', 'x', 'SELEC 1')$$, 'MG005', NULL,
                 'a script that does not parse is refused');
SELECT throws_ok($$SELECT confiture.register_migration('x', 'x', 'SELECT 1', down => 'SELEC 1')$$, 'MG005', NULL,
                 'a backward script that does not parse is refused');
SELECT throws_ok($$SELECT confiture.register_migration('x', 'x', 'SELECT 1', verify => 'SELEC 1')$$, 'MG005', NULL,
                 'a verify script that does not parse is refused');
SELECT is_empty($$SELECT FROM confiture.migration WHERE version = 'x'$$, 'what was refused is not there');

-- Names are data: whatever they hold comes back as it was.
CREATE TEMPORARY TABLE hostile (version text);
INSERT INTO hostile VALUES ('it''s'), ('say "hello"'), ('back\slash'), ('two words'), ('MixedCase'), ('%s$1$$'),
    ('x''); DROP TABLE confiture.migration; --'), ('größe'), (repeat('ü', 31) || 'x'), (repeat('v', 63)),
    (repeat('w', 200)), (E'tab\there'), ('{"json": [1]}'), ('a,b'), ('NULL'), ('null'), ('0'), ('-1');
SELECT lives_ok($$
    SELECT confiture.register_migration(version, version, 'CREATE TABLE t ()') FROM hostile
$$, 'names of any form are registered');
SELECT is_empty($$
    SELECT version, version FROM hostile EXCEPT SELECT version, name FROM confiture.migration
$$, 'and stored as they are');
SELECT results_eq($$
    SELECT r.migration_version, r.migration_name, r.success
      FROM hostile, confiture.dry_run(version) r
     ORDER BY version
$$, 'SELECT version, version, true FROM hostile ORDER BY version', 'and found and dry-run by them');
SELECT lives_ok('SELECT confiture.unregister_migration(version) FROM hostile', 'and taken away by them');
SELECT is_empty('SELECT version FROM hostile INTERSECT SELECT version FROM confiture.migration', 'and gone then');

-- Registering belongs to the transaction of the caller.
BEGIN;
SELECT confiture.register_migration('999', 'undone', 'SELECT 1') \g /dev/null
ROLLBACK;
SELECT is_empty($$SELECT FROM confiture.migration WHERE version = '999'$$, 'a rolled-back registration is none');

SELECT * FROM finish();
