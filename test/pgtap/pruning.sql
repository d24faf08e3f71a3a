-- prune: what is gone from its folder and not applied is unregistered, and nothing else.
SELECT * FROM no_plan();

CREATE TEMPORARY TABLE shop (path text, content bytea);
CREATE TEMPORARY TABLE bank (path text, content bytea);
INSERT INTO shop SELECT n || '_x.up.sql', 'SELECT 1' FROM generate_series(1, 5) n;
INSERT INTO bank VALUES ('100_y.up.sql', 'SELECT 2');
SELECT confiture.load_files('shop'), confiture.load_files('bank'),
       confiture.register_migration('50', 'by hand', 'SELECT 3') \g /dev/null
SELECT confiture.baseline('1') \g /dev/null

SELECT results_eq($$SELECT version, action FROM confiture.load_files('shop', prune => true)$$,
                  $$SELECT n::text, 'unchanged' FROM generate_series(1, 5) n$$, 'nothing is gone');
DELETE FROM shop WHERE path LIKE '1%' OR path LIKE '2%';
UPDATE shop SET path = '6_x.up.sql' WHERE path LIKE '4%';
SELECT results_eq($$SELECT version, action FROM confiture.load_files('shop')$$,
                  $$VALUES ('3', 'unchanged'), ('5', 'unchanged'), ('6', 'added')$$, 'without prune nothing is told');
SELECT results_eq($$SELECT version, action FROM confiture.load_files('shop', prune => true)$$,
                  $$VALUES ('3', 'unchanged'), ('5', 'unchanged'), ('6', 'unchanged'),
                           ('1', 'missing'), ('2', 'pruned'), ('4', 'pruned')$$, 'what is gone and not applied is unregistered');
SELECT results_eq('SELECT version FROM confiture.migration ORDER BY sort_key',
                  $$VALUES ('1'), ('3'), ('5'), ('6'), ('50'), ('100')$$,
                  'those that are applied, registered by hand or of another folder stay');
SELECT results_eq($$SELECT version, action FROM confiture.load_files('bank', prune => true)$$, $$VALUES ('100', 'unchanged')$$,
                  'a folder prunes its own alone');
SELECT is((SELECT count(*) FROM confiture.load_files('shop', prune => true, folder => 'another')
           WHERE action = 'pruned'), 0::bigint, 'under another name it is another folder');
SELECT results_eq($$SELECT DISTINCT folder FROM confiture.migration WHERE version IN ('3', '5', '6')$$, ARRAY['another'],
                  'whose they are from now on');
SELECT is((SELECT folder FROM confiture.migration WHERE version = '50'), NULL, 'one that was registered by hand is nobody''s');
DELETE FROM shop WHERE path LIKE '6%';
SELECT results_eq($$SELECT version, action FROM confiture.load_files('shop', prune => true, folder => 'another')$$,
                  $$VALUES ('3', 'unchanged'), ('5', 'unchanged'), ('6', 'pruned')$$, 'by that name they are pruned');

-- Repeatable ones, and those that failed or were reverted.
TRUNCATE shop;
DELETE FROM confiture.history;
DELETE FROM confiture.migration;
INSERT INTO shop VALUES ('V1__a.sql', 'SELECT 1'), ('V2__b.sql', 'SELECT 1'), ('U2__b.sql', 'SELECT -1'), ('R__c.sql', 'SELECT 1'),
                        ('R__d.sql', 'SELECT 1');
SELECT confiture.load_files('shop') \g /dev/null
SELECT confiture.apply('1'), confiture.apply('2'), confiture.apply('R__c') \g /dev/null
SELECT confiture.revert('2') \g /dev/null
DELETE FROM shop WHERE path NOT LIKE 'V1%';
SELECT results_eq($$SELECT version, action FROM confiture.load_files('shop', prune => true)$$,
                  $$VALUES ('1', 'unchanged'), ('2', 'pruned'), ('R__c', 'missing'), ('R__d', 'pruned')$$,
                  'reverted ones go, repeatable ones that ran stay');
INSERT INTO confiture.migration (version, sort_key, name, forward, checksum, folder, registered_by)
SELECT '7', '1:7', 'half', 'SELECT 1', 'x', folder, registered_by FROM confiture.migration WHERE version = '1';
INSERT INTO confiture.journal (sort_key, step, steps, version, name, direction, content, database, statements_done, line, command, executed_by)
VALUES ('1:7', 1, 2, '7', 'half', 'forward', 'x', 'x', 1, 1, 'SELECT', 'x');
SELECT results_eq($$SELECT action FROM confiture.load_files('shop', prune => true) WHERE version = '7'$$, ARRAY['interrupted'],
                  'one that is half done stays');
DELETE FROM confiture.journal;

-- A folder that is refused prunes nothing.
INSERT INTO shop VALUES ('V9__broken.sql', 'SELEC');
SELECT throws_ok($$SELECT confiture.load_files('shop', prune => true)$$, 'MG005', NULL, 'a folder that is refused');
SELECT isnt_empty($$SELECT FROM confiture.migration WHERE version = '7'$$, 'prunes nothing');
DELETE FROM shop WHERE path LIKE 'V9%';

-- Attack: another role's migrations are not pruned by whoever knows the name of the folder.
CREATE ROLE pruner;
SELECT confiture.grant_access('pruner', 'operator') \g /dev/null
GRANT SELECT ON bank TO pruner;
SET ROLE pruner;
SELECT results_eq($$SELECT version, action FROM confiture.load_files('bank', prune => true, folder => 'table pg_temp.shop')$$,
                  $$VALUES ('100', 'added'), ('1', 'missing'), ('R__c', 'missing')$$, 'what others registered is left alone');
RESET ROLE;
SELECT isnt_empty($$SELECT FROM confiture.migration WHERE version = '7'$$, 'it is there');
SELECT confiture.revoke_access('pruner') \g /dev/null
SELECT * FROM finish();
