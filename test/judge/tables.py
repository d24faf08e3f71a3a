"""The kinds of tables that statements are tried on.

Each kind has a schema of its own, in which the table is called t; what stands beside it (partners of foreign keys, children,
partitions, views, tables that could be attached) has the same names everywhere, so that one template serves all kinds.  What
a kind does not have makes the server refuse the form, which then does not count.
"""

COLUMNS = ("id int, n int, t text, v varchar(20), p numeric(10, 2), at timestamp, m common.mood, u int, a int[], j json")
ROW = "n, n, 'text', 'v' || n, n, '2024-01-01', 'sad', n % 5 + 1, ARRAY[n], '{{}}'"

COMMON = """
CREATE SCHEMA common;
CREATE TYPE common.mood AS ENUM ('sad', 'glad');
CREATE TYPE common.pair AS (x int, y text);
CREATE DOMAIN common.positive AS int CHECK (VALUE > 0);
CREATE DOMAIN common.label AS text;
CREATE TABLE common.log (what text);
CREATE SEQUENCE common.counter;
CREATE FUNCTION common.on_row() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO common.log VALUES (TG_OP); IF TG_OP = ''DELETE'' THEN RETURN OLD; END IF; RETURN NEW; END';
CREATE FUNCTION common.quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION common.code() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION common.fixed() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION common.by_chance() RETURNS float LANGUAGE sql VOLATILE AS 'SELECT random()';
CREATE ROLE judged;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
"""

# What every schema has beside the table.
PARTNERS = """
CREATE SCHEMA {s};
CREATE TABLE {s}.partner (id int PRIMARY KEY, code text UNIQUE, n int);
INSERT INTO {s}.partner SELECT n, n, n FROM generate_series(1, 20) n;
CREATE TABLE {s}.other (id int, u int, t text);
INSERT INTO {s}.other SELECT n, n, 'x' FROM generate_series(1, 5) n;
"""
LOOSE = """
CREATE TABLE {s}.loose ({columns});
CREATE TABLE {s}.loose_full ({columns});
INSERT INTO {s}.loose_full SELECT n + 300, {rest} FROM generate_series(1, 5) n;
CREATE TABLE {s}.loose_fit ({columns}, CHECK (id IS NOT NULL AND id >= 300 AND id < 400));
INSERT INTO {s}.loose_fit SELECT n + 300, {rest} FROM generate_series(1, 5) n;
CREATE TABLE {s}.loose_keyed ({columns}, PRIMARY KEY (id), FOREIGN KEY (u) REFERENCES {s}.partner);
CREATE TABLE {s}.loose_parted ({columns}) PARTITION BY RANGE (id);
CREATE TABLE {s}.loose_part PARTITION OF {s}.loose_parted FOR VALUES FROM (300) TO (350);
"""
KEYS = """
ALTER TABLE {s}.t ADD PRIMARY KEY (id), ADD CONSTRAINT t_v_key UNIQUE (v{with_key}), ADD CONSTRAINT t_check CHECK (n > 0);
CREATE INDEX t_index ON {s}.t (t);
"""
ROWS = "INSERT INTO {s}.t SELECT {row} FROM generate_series(1, 20) n;"
TABLE = "CREATE TABLE {s}.t ({columns});"
# A partitioned table with a partition that is partitioned itself, and a default one.
PARTED = """
CREATE TABLE {s}.t ({columns}) PARTITION BY RANGE (id);
CREATE TABLE {s}.t_1 PARTITION OF {s}.t FOR VALUES FROM (0) TO (10);
CREATE TABLE {s}.t_2 PARTITION OF {s}.t FOR VALUES FROM (10) TO (100) PARTITION BY RANGE (id);
CREATE TABLE {s}.t_2a PARTITION OF {s}.t_2 FOR VALUES FROM (10) TO (50);
""" + LOOSE
# The table is the partition, between two others.
PARTITION = """
CREATE TABLE {s}.top ({columns}) PARTITION BY RANGE (id);
CREATE TABLE {s}.t PARTITION OF {s}.top FOR VALUES FROM (0) TO (100);
CREATE TABLE {s}.sibling PARTITION OF {s}.top FOR VALUES FROM (100) TO (200);
"""
DEFAULT = "CREATE TABLE {s}.rest PARTITION OF {s}.top DEFAULT;"
TOP_KEYS = """
ALTER TABLE {s}.top ADD PRIMARY KEY (id), ADD CONSTRAINT top_check CHECK (n > 0);
CREATE INDEX top_index ON {s}.top (t);
"""
TRIGGERS = """
CREATE TRIGGER t_trigger AFTER INSERT OR UPDATE OR DELETE ON {s}.{on} FOR EACH ROW EXECUTE FUNCTION common.on_row();
CREATE TRIGGER t_statement AFTER UPDATE ON {s}.{on} FOR EACH STATEMENT EXECUTE FUNCTION common.quiet();
"""
REFERRING = """
ALTER TABLE {s}.{on} ADD CONSTRAINT t_fk FOREIGN KEY (u) REFERENCES {s}.partner ON DELETE CASCADE;
"""
REFERRED = """
CREATE TABLE {s}.pointing (id int PRIMARY KEY, ref int CONSTRAINT pointing_fk REFERENCES {s}.{on} ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE {s}.pointing_too (id int, ref int CONSTRAINT pointing_too_fk REFERENCES {s}.{on});
INSERT INTO {s}.pointing VALUES (1, 1), (2, 2);
"""

# name: (first version, statements)
KINDS = {
    "plain": (13, TABLE + ROWS),
    "empty": (13, TABLE),
    "keyed": (13, TABLE + KEYS + ROWS + """
        ALTER TABLE {s}.t ALTER n SET NOT NULL, ADD CONSTRAINT t_there CHECK (u IS NOT NULL), ADD CONSTRAINT t_late CHECK (n < 1000) NOT VALID;
        CREATE UNIQUE INDEX t_unique ON {s}.t (n);
        CREATE INDEX t_expression ON {s}.t (lower(t)) WHERE n > 3;
        CREATE STATISTICS {s}.t_statistics ON n, t FROM {s}.t"""),
    "keyed_empty": (13, TABLE + KEYS),
    "referring": (13, TABLE + KEYS + ROWS + REFERRING + """
        ALTER TABLE {s}.t ADD CONSTRAINT t_fk_late FOREIGN KEY (n) REFERENCES {s}.partner NOT VALID;
        CREATE INDEX t_u ON {s}.t (u)"""),
    "referred": (13, TABLE + KEYS + ROWS + REFERRED),
    "circular": (13, TABLE + KEYS + ROWS + "ALTER TABLE {s}.t ADD CONSTRAINT t_fk FOREIGN KEY (u) REFERENCES {s}.t"),
    "deferred": (13, TABLE + ROWS + """
        ALTER TABLE {s}.t ADD PRIMARY KEY (id) DEFERRABLE, ADD CONSTRAINT t_v_key EXCLUDE USING btree (v WITH =),
            ADD CONSTRAINT t_fk FOREIGN KEY (u) REFERENCES {s}.partner DEFERRABLE INITIALLY DEFERRED"""),
    "triggered": (13, TABLE + KEYS + ROWS + TRIGGERS + """
        CREATE CONSTRAINT TRIGGER t_constraint AFTER INSERT ON {s}.t DEFERRABLE FOR EACH ROW EXECUTE FUNCTION common.quiet()"""),
    "ruled": (13, TABLE + KEYS + ROWS + "CREATE RULE t_rule AS ON INSERT TO {s}.t DO ALSO INSERT INTO {s}.other SELECT id FROM {s}.partner"),
    "guarded": (13, TABLE + KEYS + ROWS + """
        ALTER TABLE {s}.t ENABLE ROW LEVEL SECURITY;
        CREATE POLICY t_policy ON {s}.t USING (u IN (SELECT id FROM {s}.partner))"""),
    "counted": (13, """
        CREATE TABLE {s}.t (id int GENERATED ALWAYS AS IDENTITY, s serial, g int GENERATED ALWAYS AS (n * 2) STORED, {without_id});
        INSERT INTO {s}.t (n, t, v, p, at, m, u, a, j) SELECT {rest} FROM generate_series(1, 20) n""" + ";" + KEYS),
    "virtual": (18, """
        CREATE TABLE {s}.t ({columns}, g int GENERATED ALWAYS AS (n * 2) VIRTUAL);
        INSERT INTO {s}.t SELECT {row} FROM generate_series(1, 20) n""" + ";" + KEYS),
    "domained": (13, """
        CREATE TABLE {s}.t ({columns}, d common.positive DEFAULT 1, l common.label, r common.pair);
        INSERT INTO {s}.t SELECT {row} FROM generate_series(1, 20) n"""),
    # Names that have to be quoted.
    '"Odd ""Kind"""': (13, TABLE + KEYS + ROWS + REFERRING),
    "types": (13, """
        CREATE TABLE {s}.t ({columns}, net cidr, flags bit varying(8), small smallint, code char(3), words varchar, real real, moment time);
        INSERT INTO {s}.t SELECT {row} FROM generate_series(1, 20) n;
        CREATE FUNCTION {s}.change_it() RETURNS void LANGUAGE plpgsql AS 'BEGIN ALTER TABLE {s}.t ALTER n TYPE bigint; END'"""),
    "unlogged": (13, "CREATE UNLOGGED TABLE {s}.t ({columns});" + KEYS + ROWS),
    "viewed": (13, TABLE + KEYS + ROWS + """
        CREATE VIEW {s}.w AS SELECT id, t FROM {s}.t;
        CREATE VIEW {s}.ww AS SELECT w.id, p.code FROM {s}.w w JOIN {s}.partner p USING (id);
        CREATE MATERIALIZED VIEW {s}.mv AS SELECT id, t FROM {s}.w;
        CREATE UNIQUE INDEX mv_id ON {s}.mv (id);
        CREATE MATERIALIZED VIEW {s}.mv_plain AS SELECT id FROM {s}.t WITH NO DATA"""),
    "typed": (13, "CREATE TYPE {s}.row_type AS ({columns}); CREATE TABLE {s}.t OF {s}.row_type;" + KEYS + ROWS),
    "published": (13, TABLE + KEYS + ROWS + "CREATE PUBLICATION {s} FOR TABLE {s}.t"),
    "clustered": (13, TABLE + KEYS + ROWS + "ALTER TABLE {s}.t CLUSTER ON t_index, REPLICA IDENTITY USING INDEX t_pkey; "
                  "ALTER TABLE {s}.t SET (fillfactor = 80)"),
    "foreign_table": (13, "CREATE FOREIGN TABLE {s}.t ({columns}) SERVER nowhere"),
    "not_null_late": (18, TABLE + ROWS + "ALTER TABLE {s}.t ADD CONSTRAINT t_not_null NOT NULL n NOT VALID"),
    "not_enforced": (18, TABLE + KEYS + ROWS + """
        ALTER TABLE {s}.t ADD CONSTRAINT t_fk FOREIGN KEY (u) REFERENCES {s}.partner NOT ENFORCED,
            ADD CONSTRAINT t_late CHECK (n < 1000) NOT ENFORCED"""),
    "parent": (13, TABLE + KEYS + ROWS + """
        CREATE TABLE {s}.child (more int) INHERITS ({s}.t);
        CREATE TABLE {s}.child_too () INHERITS ({s}.t);
        CREATE TABLE {s}.grandchild () INHERITS ({s}.child);
        INSERT INTO {s}.child SELECT {row} FROM generate_series(1, 3) n;
        CREATE TABLE {s}.heir ({columns}, CONSTRAINT t_check CHECK (n > 0))"""),
    "child": (13, """
        CREATE TABLE {s}.base ({columns}, CONSTRAINT base_check CHECK (n > 0));
        CREATE TABLE {s}.t (more int) INHERITS ({s}.base);
        CREATE TABLE {s}.sibling () INHERITS ({s}.base);
        """ + ROWS + "CREATE INDEX t_index ON {s}.t (t)"),
    "middle": (13, """
        CREATE TABLE {s}.base ({columns});
        CREATE TABLE {s}.t (more int) INHERITS ({s}.base);
        CREATE TABLE {s}.child (most int) INHERITS ({s}.t);
        """ + ROWS + KEYS),
    "parted": (13, PARTED + KEYS + "CREATE TABLE {s}.t_rest PARTITION OF {s}.t DEFAULT;" + ROWS),
    "parted_bare": (13, PARTED + ROWS),
    "parted_empty": (13, "CREATE TABLE {s}.t ({columns}) PARTITION BY RANGE (id);" + LOOSE),
    "parted_referring": (13, PARTED + KEYS + ROWS + REFERRING),
    "parted_referred": (13, PARTED + KEYS + ROWS + REFERRED),
    "parted_triggered": (13, PARTED + KEYS + ROWS + TRIGGERS),
    "parted_lists": (13, """
        CREATE TABLE {s}.t ({columns}) PARTITION BY LIST (u);
        CREATE TABLE {s}.t_1 PARTITION OF {s}.t FOR VALUES IN (1, 2);
        CREATE TABLE {s}.t_2 PARTITION OF {s}.t FOR VALUES IN (3, 4, 5);
        CREATE TABLE {s}.loose ({columns});""" + ROWS + "CREATE INDEX t_index ON {s}.t (t)"),
    "parted_counted": (17, "CREATE TABLE {s}.t (i int GENERATED ALWAYS AS IDENTITY, {columns}) PARTITION BY RANGE (id);"
                       "CREATE TABLE {s}.t_1 PARTITION OF {s}.t FOR VALUES FROM (0) TO (100)"),
    "partition": (13, PARTITION + DEFAULT + TOP_KEYS + ROWS + "ALTER TABLE {s}.t ADD CONSTRAINT t_check CHECK (u > 0), ADD CONSTRAINT t_v_key UNIQUE (v)"),
    "partition_bare": (13, PARTITION + ROWS),
    "partition_referring": (13, PARTITION + TOP_KEYS + ROWS + REFERRING),
    "partition_referred": (13, PARTITION + TOP_KEYS + ROWS + REFERRED),
    "partition_triggered": (13, PARTITION + TOP_KEYS + ROWS + TRIGGERS),
    "subparted": (13, """
        CREATE TABLE {s}.top ({columns}) PARTITION BY RANGE (id);
        CREATE TABLE {s}.t PARTITION OF {s}.top FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
        CREATE TABLE {s}.t_1 PARTITION OF {s}.t FOR VALUES FROM (0) TO (50);
        CREATE TABLE {s}.sibling PARTITION OF {s}.top FOR VALUES FROM (100) TO (200);""" + TOP_KEYS + ROWS),
}
# On which of a kind's tables triggers and foreign keys are made.
ON_TOP = ("partition", "subparted")
# Those that ALTER TABLE ONLY means something for.
WITH_ONLY = ("plain", "keyed", "parent", "child", "middle", "parted", "parted_bare", "parted_empty", "parted_referring", "parted_referred",
             "parted_triggered", "parted_lists", "partition", "partition_bare", "subparted", "parted_counted")


def kinds(version):
    return [name for name, (since, _) in KINDS.items() if since <= version]


def statements_of(kind, schema=None):
    """What makes a schema, by default named after the kind, and all that is in it."""
    rest = ROW.partition(", ")[2]
    places = {"s": schema or kind, "columns": COLUMNS, "without_id": COLUMNS.partition(", ")[2], "row": ROW.replace("{{}}", "{}"),
              "rest": rest.replace("{{}}", "{}"), "on": "top" if kind.startswith(ON_TOP) else "t",
              "with_key": ", id" if kind.startswith("parted") else ""}
    return (PARTNERS + KINDS[kind][1]).format(**places)
