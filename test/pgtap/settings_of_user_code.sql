-- Code of users that runs late, or beside the statements of a script, finds the settings and the rights of whoever runs it.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE ROLE user_code_migrator;
CREATE SCHEMA tenant AUTHORIZATION user_code_migrator;
GRANT USAGE ON SCHEMA confiture TO user_code_migrator;
CREATE TABLE tenant.seen (place text, path text, who text, session text, row_security text, lock_timeout text, dates text);
CREATE TABLE tenant.item (id int PRIMARY KEY);
ALTER TABLE tenant.seen OWNER TO user_code_migrator;
ALTER TABLE tenant.item OWNER TO user_code_migrator;
SET search_path = tenant, public;
CREATE FUNCTION tenant.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seen VALUES (TG_NAME, current_setting('search_path'), current_user, session_user, current_setting('row_security'),
                             current_setting('lock_timeout'), current_setting('datestyle'));
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER deferred_note AFTER INSERT ON tenant.item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tenant.note();

-- A constraint trigger whose function does not qualify its names.
SELECT is(success, true, 'a deferred trigger finds the search_path of the session in a dry run')
  FROM confiture.dry_run_sql('INSERT INTO tenant.item VALUES (1)');
SELECT is(success, true, 'that of the script') FROM confiture.dry_run_sql('SET search_path = tenant; INSERT INTO item VALUES (1)');
SELECT is(stats->'error'->>'sqlstate', '42P01', 'and no other one') FROM confiture.dry_run_sql('SET search_path = public; INSERT INTO tenant.item VALUES (1)');
SELECT is(success, true, 'at the end of each step') FROM confiture.dry_run_sql('INSERT INTO tenant.item VALUES (1); COMMIT; INSERT INTO tenant.item VALUES (2)');
SELECT is(success, true, 'and what a hook defers')
  FROM confiture.dry_run_sql(E'SELECT 1;\n-- confiture: phase=AFTER_DDL\nINSERT INTO tenant.item VALUES (1);');

-- For good.
SELECT confiture.register_migration('1', 'session', 'INSERT INTO tenant.item VALUES (1)'),
       confiture.register_migration('2', 'script', 'SET search_path = tenant; SET datestyle = ''SQL, DMY''; INSERT INTO item VALUES (2)'),
       confiture.register_migration('3', 'role', 'SET search_path = tenant; SET ROLE user_code_migrator; INSERT INTO item VALUES (3)'),
       confiture.register_migration('4', 'steps', 'SET search_path = tenant; SET ROLE user_code_migrator; INSERT INTO item VALUES (4); COMMIT; INSERT INTO item VALUES (5)'),
       confiture.register_migration('5', 'cleanup', E'SELECT 1;\n-- confiture: phase=CLEANUP\nINSERT INTO tenant.item VALUES (6);') \g /dev/null
SET confiture.lock_timeout = '1234ms';
CALL confiture.up() \g /dev/null
SELECT results_eq($$SELECT path, who = session_user, row_security, dates FROM tenant.seen WHERE place = 'deferred_note' ORDER BY ctid$$,
    $$VALUES ('tenant, public', true, 'on', 'ISO, MDY'), ('tenant', true, 'on', 'SQL, DMY'), ('tenant', false, 'on', 'ISO, MDY'),
             ('tenant', false, 'on', 'ISO, MDY'), ('tenant', false, 'on', 'ISO, MDY'), ('tenant, public', true, 'on', 'ISO, MDY')$$,
    'what is deferred runs with the settings and the role of the script');
SELECT is((SELECT array_agg(DISTINCT who) FROM tenant.seen WHERE path = 'tenant' AND dates LIKE 'ISO%'), '{user_code_migrator}', 'which is the role that it took on');
SELECT results_eq($$SELECT current_setting('search_path'), current_user = session_user, current_setting('datestyle')$$, $$VALUES ('tenant, public', true, 'ISO, MDY')$$,
                  'and is left with the migration');

-- In batches.
CREATE TABLE tenant.many (id int PRIMARY KEY, done boolean);
INSERT INTO tenant.many SELECT n FROM generate_series(1, 20) n;
CREATE CONSTRAINT TRIGGER batch_note AFTER UPDATE ON tenant.many DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tenant.note();
CALL confiture.backfill('tenant.many', 'done = true', batch_size => 10) \g /dev/null
SELECT is((SELECT count(*) FROM tenant.seen WHERE place = 'batch_note' AND path = 'tenant, public'), 20::bigint, 'of a backfill too');

-- The sample of the rows that violate a constraint.
CREATE TABLE tenant.child (id int PRIMARY KEY, item int CONSTRAINT of_item REFERENCES tenant.item DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE tenant.policy_saw (who text);
ALTER TABLE tenant.child OWNER TO user_code_migrator;
CREATE FUNCTION tenant.visible() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN EXISTS (SELECT FROM item) OR true; END$$;
CREATE POLICY visible ON tenant.child USING (tenant.visible());
ALTER TABLE tenant.child ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant.child FORCE ROW LEVEL SECURITY;
SELECT is(stats->'error'->'violating_rows', '["101"]', 'a policy finds the search_path of the session')
  FROM confiture.dry_run_sql('SET search_path = tenant; SET ROLE user_code_migrator; INSERT INTO child VALUES (1, 101)');

-- Attacks: somebody else's trigger on a table that a superuser's migration writes to.
CREATE FUNCTION tenant.attack() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user <> current_setting('role') AND current_setting('role') <> 'none' THEN
        RAISE 'runs as % where the role is %', current_user, current_setting('role');
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER attack AFTER INSERT ON tenant.item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tenant.attack();
SELECT is(success, true, 'attack: a deferred trigger has the rights of the role that the script took on, not those of the owner of confiture')
  FROM confiture.dry_run_sql('SET search_path = tenant; SET ROLE user_code_migrator; INSERT INTO item VALUES (7)');
SELECT confiture.register_migration('6', 'attacked', 'SET search_path = tenant; SET ROLE user_code_migrator; INSERT INTO item VALUES (7)') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is((SELECT status FROM confiture.status WHERE version = '6'), 'applied', 'attack: nor in apply');

RESET search_path;
DROP SCHEMA tenant CASCADE;
DROP OWNED BY user_code_migrator;
DROP ROLE user_code_migrator;
SELECT * FROM finish();
