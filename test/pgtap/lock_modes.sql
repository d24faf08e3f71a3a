-- Which locks the kinds of statements take, as the lock manager has them.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.parent (id int PRIMARY KEY, a int);
CREATE TABLE s.child (id int PRIMARY KEY, parent_id int, b text);
ALTER TABLE s.child ADD CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES s.parent;
CREATE TABLE s.alone (id int PRIMARY KEY, a int CHECK (a > 0), b text, parent_id int);
CREATE INDEX alone_a ON s.alone (a);
CREATE TABLE s.part (a int) PARTITION BY RANGE (a);
CREATE TABLE s.part_low PARTITION OF s.part FOR VALUES FROM (0) TO (10);
CREATE TABLE s.part_default PARTITION OF s.part DEFAULT;
CREATE TABLE s.part_new (a int);
CREATE VIEW s.of_alone AS SELECT id, a FROM s.alone;
CREATE MATERIALIZED VIEW s.stored AS SELECT id, a FROM s.alone;
CREATE UNIQUE INDEX stored_id ON s.stored (id);
CREATE SEQUENCE s.numbers;
CREATE FUNCTION s.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
INSERT INTO s.parent VALUES (1, 1);
INSERT INTO s.alone VALUES (1, 1);

-- Strongest mode of each table, view and sequence of the schema that a script locks.
CREATE FUNCTION pg_temp.locked(script text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(told, ', ' ORDER BY told COLLATE "C"), '')
      FROM (SELECT DISTINCT ON (l.object) substr(l.object, 3) || ' ' || l.mode AS told
              FROM confiture.dry_run_sql(script) r,
                   confiture.dry_run_locks(r) WITH ORDINALITY
                       l (object, kind, mode, statement, line, not_before_ms, acquired_ms, waited_ms, held_ms, released, blocks,
                          blocked_by, conflicting_sessions, new_object, held_before, form, place)
             WHERE l.object LIKE 's.%' AND NOT l.new_object AND NOT l.held_before AND l.form = 'real'
               AND l.object !~ '_(pkey|idx|a|id)$'
             ORDER BY l.object, l.place) strongest;
$$;
CREATE TEMPORARY TABLE kind (text text, locks text);
INSERT INTO kind VALUES
('SELECT FROM s.alone', 'alone AccessShareLock'),
('SELECT FROM s.alone FOR UPDATE', 'alone RowShareLock'),
('SELECT FROM s.alone FOR KEY SHARE', 'alone RowShareLock'),
('SELECT FROM s.of_alone', 'alone AccessShareLock, of_alone AccessShareLock'),
('INSERT INTO s.alone VALUES (2, 2)', 'alone RowExclusiveLock'),
('UPDATE s.alone SET a = 2', 'alone RowExclusiveLock'),
('DELETE FROM s.alone', 'alone RowExclusiveLock'),
('INSERT INTO s.child VALUES (1, 1)', 'child RowExclusiveLock, parent RowShareLock'),
('DELETE FROM s.parent', 'child RowShareLock, parent RowExclusiveLock'),
('INSERT INTO s.part VALUES (1)', 'part RowExclusiveLock, part_low RowExclusiveLock'),
('SELECT nextval(''s.numbers'')', 'numbers RowExclusiveLock'),
('LOCK TABLE s.alone IN ACCESS SHARE MODE', 'alone AccessShareLock'),
('LOCK TABLE s.alone IN ROW SHARE MODE', 'alone RowShareLock'),
('LOCK TABLE s.alone IN ROW EXCLUSIVE MODE', 'alone RowExclusiveLock'),
('LOCK TABLE s.alone IN SHARE UPDATE EXCLUSIVE MODE', 'alone ShareUpdateExclusiveLock'),
('LOCK TABLE s.alone IN SHARE MODE', 'alone ShareLock'),
('LOCK TABLE s.alone IN SHARE ROW EXCLUSIVE MODE', 'alone ShareRowExclusiveLock'),
('LOCK TABLE s.alone IN EXCLUSIVE MODE', 'alone ExclusiveLock'),
('LOCK TABLE s.alone', 'alone AccessExclusiveLock'),
('CREATE INDEX ON s.alone (b)', 'alone ShareLock'),
('CREATE INDEX ON s.part (a)', 'part ShareLock, part_default ShareLock, part_low ShareLock'),
('DROP INDEX s.alone_a', 'alone AccessExclusiveLock'),
('REINDEX INDEX s.alone_a', 'alone ShareLock'),
('REINDEX TABLE s.alone', 'alone ShareLock'),
('ALTER INDEX s.alone_a RENAME TO alone_b', ''),
('ALTER TABLE s.alone ADD c int', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone DROP b', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone ALTER b TYPE varchar(10)', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone ALTER b SET DEFAULT ''x''', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone ALTER b SET NOT NULL', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone RENAME TO other', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone RENAME b TO c', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone ALTER b SET STATISTICS 500', 'alone ShareUpdateExclusiveLock'),
('ALTER TABLE s.alone SET (fillfactor = 70)', 'alone ShareUpdateExclusiveLock'),
('ALTER TABLE s.alone CLUSTER ON alone_pkey', 'alone ShareUpdateExclusiveLock'),
('ALTER TABLE s.alone ADD CHECK (id > 0)', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone ADD CONSTRAINT c CHECK (id > 0) NOT VALID', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone VALIDATE CONSTRAINT alone_a_check', 'alone ShareUpdateExclusiveLock'),
('ALTER TABLE s.alone ADD UNIQUE (b)', 'alone AccessExclusiveLock'),
('ALTER TABLE s.alone ADD FOREIGN KEY (parent_id) REFERENCES s.parent', 'alone ShareRowExclusiveLock, parent ShareRowExclusiveLock'),
('ALTER TABLE s.alone ADD FOREIGN KEY (parent_id) REFERENCES s.parent NOT VALID',
    'alone ShareRowExclusiveLock, parent ShareRowExclusiveLock'),
('ALTER TABLE s.child VALIDATE CONSTRAINT of_parent', 'child ShareUpdateExclusiveLock'),
('ALTER TABLE s.child DROP CONSTRAINT of_parent', 'child AccessExclusiveLock, parent AccessExclusiveLock'),
('CREATE TABLE s.made (a int REFERENCES s.parent)', 'parent ShareRowExclusiveLock'),
('CREATE TABLE s.made (LIKE s.alone INCLUDING ALL)', 'alone AccessShareLock'),
('CREATE TABLE s.made AS SELECT * FROM s.alone', 'alone AccessShareLock'),
('CREATE TABLE s.made () INHERITS (s.alone)', 'alone ShareUpdateExclusiveLock'),
('DROP TABLE s.child', 'child AccessExclusiveLock, parent AccessExclusiveLock'),
('DROP TABLE s.parent CASCADE', 'child AccessExclusiveLock, parent AccessExclusiveLock'),
('DROP TABLE s.part', 'part AccessExclusiveLock, part_default AccessExclusiveLock, part_low AccessExclusiveLock'),
('TRUNCATE s.alone', 'alone AccessExclusiveLock'),
('TRUNCATE s.parent CASCADE', 'child AccessExclusiveLock, parent AccessExclusiveLock'),
('CREATE TRIGGER t BEFORE INSERT ON s.alone FOR EACH ROW EXECUTE FUNCTION s.on_row()', 'alone ShareRowExclusiveLock'),
('ALTER TABLE s.alone DISABLE TRIGGER ALL', 'alone ShareRowExclusiveLock'),
('CREATE RULE r AS ON DELETE TO s.alone DO INSTEAD NOTHING', 'alone AccessExclusiveLock'),
('CREATE POLICY p ON s.alone', 'alone AccessExclusiveLock'),
('COMMENT ON TABLE s.alone IS ''a''', 'alone ShareUpdateExclusiveLock'),
('GRANT SELECT ON s.alone TO PUBLIC', ''),
('CREATE STATISTICS s.made ON a, b FROM s.alone', 'alone ShareUpdateExclusiveLock'),
('ANALYZE s.alone', 'alone ShareUpdateExclusiveLock'),
('CLUSTER s.alone USING alone_pkey', 'alone AccessExclusiveLock'),
('CREATE TABLE s.made PARTITION OF s.part FOR VALUES FROM (10) TO (20)', 'part AccessExclusiveLock, part_default AccessExclusiveLock'),
('ALTER TABLE s.part ATTACH PARTITION s.part_new FOR VALUES FROM (10) TO (20)',
    'part ShareUpdateExclusiveLock, part_default AccessExclusiveLock, part_new AccessExclusiveLock'),
('ALTER TABLE s.part DETACH PARTITION s.part_low',
    'part AccessExclusiveLock, part_default AccessExclusiveLock, part_low AccessExclusiveLock'),
('REFRESH MATERIALIZED VIEW s.stored', 'alone AccessShareLock, stored AccessExclusiveLock'),
('REFRESH MATERIALIZED VIEW CONCURRENTLY s.stored', 'alone AccessShareLock, stored ExclusiveLock'),
('CREATE OR REPLACE VIEW s.of_alone AS SELECT id, a, 1 AS c FROM s.alone', 'alone AccessShareLock, of_alone AccessExclusiveLock'),
('DROP VIEW s.of_alone', 'of_alone AccessExclusiveLock'),
('CREATE VIEW s.made AS SELECT * FROM s.alone', 'alone AccessShareLock'),
('ALTER TABLE s.alone SET SCHEMA public', 'alone AccessExclusiveLock'),
('DO ''BEGIN LOCK TABLE s.alone; END''', 'alone AccessExclusiveLock'),
('DO ''BEGIN EXECUTE ''''LOCK TABLE s.alone IN SHARE MODE''''; PERFORM FROM s.child; END''', 'alone ShareLock, child AccessShareLock'),
('DO ''BEGIN BEGIN LOCK TABLE s.alone; RAISE ''''no''''; EXCEPTION WHEN OTHERS THEN NULL; END; END''', 'alone AccessExclusiveLock'),
('DO ''BEGIN BEGIN DROP TABLE s.alone CASCADE; RAISE ''''no''''; EXCEPTION WHEN OTHERS THEN NULL; END; END''',
    'alone AccessExclusiveLock, of_alone AccessExclusiveLock, stored AccessExclusiveLock'),
('SAVEPOINT a; LOCK TABLE s.alone; ROLLBACK TO a', 'alone AccessExclusiveLock'),
('LOCK TABLE s.alone IN SHARE MODE; SELECT 1/0', 'alone ShareLock'),
('SELECT FROM s.alone; DROP TABLE s.child; SELECT 1/0', 'alone AccessShareLock, child AccessExclusiveLock, parent AccessExclusiveLock');

UPDATE kind SET locks = 'alone AccessShareLock' WHERE text ~ '^GRANT' AND current_setting('server_version_num')::int >= 180000;
UPDATE kind SET locks = 'part AccessExclusiveLock, part_default AccessExclusiveLock, part_low ShareUpdateExclusiveLock'
 WHERE text ~ 'DETACH' AND current_setting('server_version_num')::int < 140000;
SELECT is(pg_temp.locked(text), locks, text) FROM kind;

SELECT is(pg_temp.locked('ALTER TABLE s.alone ALTER a TYPE bigint'), 'alone AccessExclusiveLock',
          'a statement that fails on what depends on it had its lock by then');

SELECT * FROM finish();
