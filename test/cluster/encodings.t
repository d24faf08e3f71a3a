#!/usr/bin/env python3
"""Databases of several encodings: the extension installs, and folders of UTF-8 are kept as what they say or refused."""
from sessions import TOP, Cluster, done, equal, ok, quoted, scratch_folder

LOAD = TOP / "scripts" / "confiture-load"
WORDS = {"LATIN1": "gr\u00f6\u00dfe \u00bd\u00a9", "WIN1252": "gr\u00f6\u00dfe \u20ac", "EUC_JP": "\u65e5\u672c\u8a9e", "EUC_KR": "\ud55c\uad6d\uc5b4",
         "UTF8": "gr\u00f6\u00dfe \u20ac \u65e5\u672c\u8a9e", "SQL_ASCII": "gr\u00f6\u00dfe \u65e5\u672c\u8a9e"}
FOREIGN = {"LATIN1": "\u20ac", "WIN1252": "\u65e5", "EUC_JP": "\ud55c", "EUC_KR": "\u20a9\U0001F600"}

cluster = Cluster()
base = scratch_folder()
checksums = {}


def folder(name, files):
    place = base / name
    place.mkdir()
    place.chmod(0o755)
    for path, content in files.items():
        (place / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


def load(directory, encoding, *options, **more):
    return cluster.program("bash", LOAD, *options, directory, "-d", encoding, "-A", "-t", **more)


def attempt(text, encoding, client="UTF8"):
    return cluster.program("psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=verbose", "-d", encoding, input=text,
                           env={"PGCLIENTENCODING": client})


shared = folder("shared", {"001_ascii.up.sql": "SELECT 1;\n"})
for encoding, word in WORDS.items():
    cluster.sql(f"CREATE DATABASE \"{encoding}\" ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    answer = attempt("CREATE EXTENSION confiture", encoding)
    equal((answer.returncode, answer.stderr), (0, ""), f"{encoding}: the extension installs")
    place = folder(encoding, {"001_\u00e9.up.sql" if encoding in ("LATIN1", "WIN1252", "UTF8") else "001_e.up.sql": f"""
-- {word}
CREATE TABLE "{word}" (a int); COMMENT ON TABLE "{word}" IS '{word}';
""", "001_e.down.sql": f'DROP TABLE "{word}"', "001_e.verify.sql": f'SELECT a FROM "{word}"'})
    answer = load(place, encoding)
    equal(answer.returncode, 0, f"{encoding}: confiture-load loads what the database can hold")
    equal(cluster.sql(f"SELECT forward LIKE '%IS ''{word}''%' FROM confiture.migration", encoding), "t", f"{encoding}: as it is written")
    equal(load(place, encoding).stdout.count("unchanged"), 1, f"{encoding}: again, unchanged")
    answer = attempt(f"SELECT action FROM confiture.load_migrations({quoted(str(place))}); CALL confiture.up(); "
                     "SELECT state FROM confiture.verify();", encoding)
    ok("unchanged" in answer.stdout and "verified" in answer.stdout, f"{encoding}: the server reads the same, and it runs",
       answer.stdout, answer.stderr)
    # A bystander asks the catalog.
    equal(cluster.sql(f"SELECT obj_description(oid) FROM pg_class WHERE relname = '{word}'", encoding), word,
          f"{encoding}: the object has the name and the comment")
    answer = attempt("CALL confiture.down(); SELECT count(*) FROM confiture.history", encoding)
    equal(answer.stdout.split()[-1], "2", f"{encoding}: and goes")
    attempt("SELECT confiture.unregister_migration('001')", encoding)

    # Places are told in characters.
    answer = attempt(f"SELECT confiture.register_migration('9', 'nine', '/* {word} */ SELECT ''{word}'' SELEC 1')", encoding)
    column = len(f"/* {word} */ SELECT '{word}' SELEC ") + 1
    if encoding != "SQL_ASCII":
        ok(f"column {column}." in answer.stderr, f"{encoding}: columns count characters", answer.stderr)
    answer = attempt(f"SELECT confiture.register_migration('9', 'nine', 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT length(''{word}''); "
                     "SELECT 2; END; SELECT 3')", encoding)
    ok(cluster.version < 14 or "added" in answer.stdout, f"{encoding}: where a statement ends is found behind such words", answer.stderr)

    # Refused: file, line, column.
    if encoding in FOREIGN:
        for name, files in {"script": {"001_a.up.sql": "SELECT 1", "002_b.up.sql": f"SELECT 1;\n{word[0]} SELECT '{FOREIGN[encoding]}'"},
                            "way back": {"001_a.up.sql": "SELECT 1", "002_b.up.sql": "SELECT 1", "002_b.down.sql":
                                         f"SELECT 1;\n{word[0]} SELECT '{FOREIGN[encoding]}'"}}.items():
            answer = load(folder(f"{encoding} {name}", files), encoding)
            ok(all(text in answer.stderr for text in ("002_b.", "line 2, column 11, has a character that this database cannot hold")),
               f"{encoding}: what cannot be converted is refused, in a {name}", answer.stderr)
        answer = load(folder(f"{encoding} name", {"001_a.up.sql": "SELECT 1", f"002_{FOREIGN[encoding]}.up.sql": "SELECT 1"}), encoding)
        ok("name of file \"002_\\" in answer.stderr, f"{encoding}: and in a file name", answer.stderr)
        equal(cluster.sql("SELECT count(*) FROM confiture.migration WHERE version <> '9'", encoding), "0", f"{encoding}: nothing is loaded")
    for name, content in {"invalid": b"SELECT '\xff'", "cut off": b"SELECT '\xe2\x82'", "UTF-16": b"\xff\xfeS\0", "NUL": b"SELECT '\0'"}.items():
        answer = load(folder(f"{encoding} {name}", {"001_a.up.sql": content}), encoding)
        ok("001_a.up.sql" in answer.stderr and answer.returncode, f"{encoding}: {name} is refused", answer.stderr)
    equal(attempt("SELECT 1", encoding).stdout, "1\n", f"{encoding}: the server goes on")

# The same file has the same checksum wherever it is.
same = folder("same", {"001_a.up.sql": "COMMENT ON SCHEMA public IS 'gr\u00f6\u00dfe'"})
for encoding in ("UTF8", "LATIN1", "WIN1252", "SQL_ASCII"):
    attempt("DELETE FROM confiture.migration", encoding)
    load(same, encoding)
    checksums[encoding] = cluster.sql("SELECT checksum FROM confiture.migration WHERE version = '001'", encoding)
equal(len(set(checksums.values())), 1, "the checksum is the same in every encoding")

# Clients of other encodings.
for client, encoding in (("SJIS", "EUC_JP"), ("LATIN1", "UTF8"), ("UTF8", "EUC_JP"), ("EUC_JP", "UTF8")):
    answer = attempt("SELECT count(*) > 0 FROM pg_proc p JOIN pg_description d ON d.objoid = p.oid "
                     "WHERE p.pronamespace = 'confiture'::regnamespace; SELECT confiture.dry_run('nowhere')", encoding, client)
    ok(answer.stdout == "t\n" and "MG004" in answer.stderr, f"a client in {client} of a database in {encoding}", answer.stdout, answer.stderr)
attempt("DELETE FROM confiture.migration", "UTF8")
answer = cluster.program("bash", LOAD, base / "UTF8", "dbname=UTF8 client_encoding=LATIN1", "-A", "-t")
ok("added" in answer.stdout, "confiture-load: files are UTF-8 whatever encoding the client asks for", answer.stderr)
equal(cluster.sql(f"SELECT forward LIKE '%{WORDS['UTF8']}%' FROM confiture.migration", "UTF8"), "t", "and arrive as they are")
done()
