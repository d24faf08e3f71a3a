-- Scripts of the way back that do not parse: told when they are loaded, and refused before anything is reverted.
SELECT * FROM no_plan();

CREATE TEMPORARY TABLE files (path text, content bytea);
INSERT INTO files VALUES
    ('1_a.up.sql', 'CREATE TABLE a ()'), ('1_a.down.sql', E'DROP TABLE a;\nDROPP TABLE b;\n'),
    ('2_b.up.sql', 'CREATE TABLE b ()'), ('2_b.down.sql', 'DROP TABLE b'), ('2_b.verify.sql', 'SELEC 1'),
    ('3_c.up.sql', 'CREATE TABLE c ()'), ('3_c.down.sql', E'DROP TABLE c;\nROLLBACK');
SELECT lives_ok($$SELECT confiture.load_files('files')$$, 'the folder is loaded');
SELECT confiture.baseline('3') \g /dev/null
CREATE TABLE a ();
CREATE TABLE b ();
CREATE TABLE c ();
SELECT throws_ok($$SELECT confiture.revert('3')$$, 'MG005',
                 'migration "3" cannot be reverted: ROLLBACK of a transaction in "3_c.down.sql", line 2',
                 'a way back that would end its transaction');
SELECT has_table('c'::name, 'nothing of it was run');
SELECT throws_ok($$SELECT confiture.revert('1')$$, 'MG005', 'migration "1" cannot be reverted: syntax error at or near "DROPP"',
                 'one that does not parse');
SELECT has_table('a'::name, 'nothing of it either');
SELECT is(state, 'failed', 'a verify script that does not parse fails') FROM confiture.verify() WHERE version = '2';
SELECT * FROM finish();
