"""What torture.py migrates and kills: a database with tables of some size, and a history that has every kind of step.

Every step in a transaction inserts one row into `ledger`, first of all, and does something that would show if it were done
twice.  The gates stop a migrator at a place that a test names: between the steps, and on both sides of every record.
"""

TABLES = """
CREATE TABLE ledger (step text NOT NULL, at_xid xid8 DEFAULT pg_current_xact_id());
CREATE TABLE hook_ledger (hook text NOT NULL);
CREATE TABLE account (id int PRIMARY KEY, amount int NOT NULL);
INSERT INTO account SELECT n, n FROM generate_series(1, 200) n;
CREATE TABLE big (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, c text NOT NULL);
INSERT INTO big SELECT n, n % 1000, 60000 - n, md5(n::text) FROM generate_series(1, {rows}) n;
CREATE INDEX big_old ON big (c);
CREATE INDEX big_again ON big (a);
CREATE TABLE part (id int NOT NULL, kind int NOT NULL) PARTITION BY LIST (kind);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
INSERT INTO part SELECT n, 1 + n % 2 FROM generate_series(1, 100) n;
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TABLE painted (id int, colour colour);
CREATE ROLE builder;
CREATE SCHEMA tenant AUTHORIZATION builder;
CREATE TABLE orders (id int);
INSERT INTO orders SELECT generate_series(1, 10);
CREATE TABLE tenant.orders (id int);
INSERT INTO tenant.orders SELECT generate_series(1, 100);
ALTER TABLE tenant.orders OWNER TO builder;
GRANT ALL ON ledger TO builder;
GRANT ALL ON SCHEMA public TO builder
"""

# A gate is shut by whoever holds its lock exclusively; its name is in the log, so that a run shows all that there are.
GATES = """
CREATE SCHEMA gate;
GRANT USAGE ON SCHEMA gate TO PUBLIC;
CREATE FUNCTION gate.pass(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE LOG 'gate of a %: %', (SELECT a.backend_type FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()), name;
    PERFORM pg_catalog.pg_advisory_xact_lock_shared(4711, pg_catalog.hashtext(name));
END $$;
CREATE FUNCTION gate.of_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gate.pass(pg_catalog.format('%s, step %s', TG_WHEN, NEW.step));
    RETURN NEW;
END $$;
CREATE FUNCTION gate.of_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gate.pass(pg_catalog.format('journal %s %s/%s', TG_OP,
                      CASE TG_OP WHEN 'DELETE' THEN OLD.version ELSE NEW.version END, CASE TG_OP WHEN 'DELETE' THEN OLD.step ELSE NEW.step END));
    RETURN NULL;
END $$;
CREATE FUNCTION gate.of_command() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_catalog.current_query() ~* 'concurrently' THEN
        PERFORM gate.pass(pg_catalog.format('%s %s', TG_EVENT, pg_catalog.current_query()));
    END IF;
END $$;
CREATE TRIGGER gate_before BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION gate.of_ledger();
CREATE TRIGGER gate_after AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION gate.of_ledger();
CREATE TRIGGER gate AFTER INSERT OR UPDATE OR DELETE ON confiture.journal FOR EACH ROW EXECUTE FUNCTION gate.of_journal();
CREATE EVENT TRIGGER gate_start ON ddl_command_start EXECUTE FUNCTION gate.of_command();
CREATE EVENT TRIGGER gate_end ON ddl_command_end EXECUTE FUNCTION gate.of_command()
"""

HOOKS = "".join(f"""-- confiture: phase={phase} name={phase.lower()}_{{version}}
INSERT INTO hook_ledger VALUES ('{phase} {{version}}');
""" for phase in ("BEFORE_VALIDATION", "BEFORE_DDL", "AFTER_DDL", "AFTER_VALIDATION", "CLEANUP", "ON_ERROR")) + "-- confiture: phase=DDL\n"

# Hooks of these phases are committed together with steps, and so exactly once.
PHASES_OF_STEPS = ("BEFORE_VALIDATION", "BEFORE_DDL", "AFTER_DDL", "AFTER_VALIDATION")
WITH_HOOKS = ("012", "013")

DETACH = """ALTER TABLE part DETACH PARTITION part_2 CONCURRENTLY;
INSERT INTO ledger VALUES ('009 after');
UPDATE part_2 SET id = id + 1000;
"""


def migrations(version):
    """(version, name, script) of each, for a PostgreSQL version."""
    yield "001", "one transaction", """
INSERT INTO ledger VALUES ('001');
ALTER TABLE account ADD COLUMN note text;
UPDATE account SET amount = amount + 1;
CREATE TABLE one (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account int REFERENCES account DEFERRABLE INITIALLY DEFERRED);
INSERT INTO one (account) SELECT id FROM account;
"""
    yield "002", "commits in the middle", """
INSERT INTO ledger VALUES ('002 first');
UPDATE account SET amount = amount * 2;
COMMIT;
INSERT INTO ledger VALUES ('002 second');
ALTER TABLE big ADD COLUMN d int;
COMMIT;
INSERT INTO ledger VALUES ('002 third');
UPDATE account SET amount = amount + 3;
INSERT INTO account SELECT max(id) + 1, 0 FROM account;
"""
    yield "003", "indexes", """-- confiture: no-transaction
CREATE INDEX CONCURRENTLY big_a ON big (a);
CREATE INDEX CONCURRENTLY ON big (b);
INSERT INTO ledger VALUES ('003');
CREATE INDEX CONCURRENTLY big_upper ON big (upper(c)) WHERE a < 500;
ANALYZE big;
"""
    yield "004", "a unique index", """-- confiture: no-transaction
INSERT INTO ledger VALUES ('004');
CREATE UNIQUE INDEX CONCURRENTLY big_unique ON big (b, c);
"""
    yield "005", "a constraint of the index", """
INSERT INTO ledger VALUES ('005');
ALTER TABLE big ADD CONSTRAINT big_unique UNIQUE USING INDEX big_unique;
"""
    yield "006", "indexes made again", """-- confiture: no-transaction
REINDEX INDEX CONCURRENTLY big_again;
INSERT INTO ledger VALUES ('006');
REINDEX TABLE CONCURRENTLY account;
"""
    yield "007", "an index dropped", """-- confiture: no-transaction
DROP INDEX CONCURRENTLY big_old;
INSERT INTO ledger VALUES ('007');
DROP INDEX CONCURRENTLY IF EXISTS big_never;
"""
    yield "008", "vacuumed", """-- confiture: no-transaction
UPDATE big SET b = b + 1 WHERE id % 20 = 0;
INSERT INTO ledger VALUES ('008');
VACUUM (ANALYZE) big;
UPDATE account SET amount = amount + 5;
VACUUM account;
"""
    yield "009", "a partition detached", ("-- confiture: no-transaction\n" if version >= 14 else "") + "INSERT INTO ledger VALUES ('009');\n" + (
        DETACH if version >= 14 else DETACH.replace(" CONCURRENTLY", ""))
    yield "010", "a new label", """
INSERT INTO ledger VALUES ('010 first');
ALTER TYPE colour ADD VALUE 'blue';
COMMIT;
INSERT INTO ledger VALUES ('010 second');
INSERT INTO painted VALUES (1, 'blue');
"""
    yield "011", "a block", """
INSERT INTO ledger VALUES ('011');
DO $$
BEGIN
    FOR n IN 1..40 LOOP
        EXECUTE format('CREATE TABLE made_%s (id int)', n);
        BEGIN
            INSERT INTO account VALUES (1000 + n, n / (n % 5));
        EXCEPTION WHEN division_by_zero THEN
            INSERT INTO account VALUES (1000 + n, 0);
        END;
    END LOOP;
END $$;
"""
    yield "012", "hooks around a transaction", HOOKS.format(version="012") + """
INSERT INTO ledger VALUES ('012');
ALTER TABLE account ADD CONSTRAINT positive CHECK (amount >= 0);
"""
    yield "013", "hooks around an index", "-- confiture: no-transaction\n" + HOOKS.format(version="013") + """
CREATE INDEX CONCURRENTLY IF NOT EXISTS big_c ON big (c, a);
"""
    yield "014", "the last", """
INSERT INTO ledger VALUES ('014 first');
SET LOCAL work_mem = '8MB';
CREATE VIEW accounts AS SELECT * FROM account;
COMMIT;
INSERT INTO ledger VALUES ('014 second');
DROP TABLE made_40;
"""
    # What a step that follows would hit, were its session another one, is there, or is hidden by what the step before dropped.
    yield "015", "a session of its own", """
-- confiture: phase=BEFORE_DDL name=sets_stat_015
SELECT confiture.set_stat('torture', '"kept"');
-- confiture: phase=AFTER_DDL name=gets_stat_015
INSERT INTO public.hook_ledger SELECT 'stat ' || (confiture.get_stat('torture') #>> '{}');
-- confiture: phase=DDL
INSERT INTO ledger VALUES ('015 first');
SET search_path = tenant, public;
SET my.tenant = 'seven';
SELECT set_config('datestyle', 'SQL, DMY', false);
SET LOCAL my.tenant = 'eight';
SET ROLE builder;
COMMIT;
INSERT INTO ledger VALUES ('015 second');
CREATE TABLE built AS SELECT current_setting('my.tenant') AS tenant, '03/02/2026'::date AS day;
CREATE TEMP TABLE orders ON COMMIT DROP AS SELECT 1 AS id;
DELETE FROM orders;
COMMIT;
CREATE INDEX CONCURRENTLY orders_id ON orders (id);
INSERT INTO ledger VALUES ('015 third');
DELETE FROM orders WHERE id % 2 = 0;
RESET datestyle;
COMMIT;
INSERT INTO ledger VALUES ('015 fourth');
CREATE TABLE built_later AS SELECT '03/02/2026'::date AS day, current_user AS who;
RESET ROLE;
COMMIT;
INSERT INTO ledger VALUES ('015 fifth');
UPDATE orders SET id = -id WHERE id < 10;
INSERT INTO built VALUES (current_user || ' ' || current_setting('my.tenant'), NULL);
"""
