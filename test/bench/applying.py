#!/usr/bin/env python3
"""1,256 small migrations by one CALL confiture.up(), against psql that runs the same files each in BEGIN and COMMIT."""

import os
import pathlib
import shutil
import subprocess

import measuring
from loading import write_files

ROUNDS = 5
TABLES_OF_FILES = """SELECT format('DROP SCHEMA bench CASCADE') WHERE to_regnamespace('bench') IS NOT NULL \\gexec
CREATE SCHEMA bench;
DELETE FROM confiture.history; DELETE FROM confiture.journal; CHECKPOINT;"""
PATH = {"PGOPTIONS": "-c search_path=bench,public -c client_min_messages=error"}


def psql(arguments, **options):
    measuring.run_command(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments], env={**os.environ, **PATH}, **options)


def sqitch_project(folder, files):
    """The same files as a sqitch project, or nothing where sqitch is not installed."""
    if not shutil.which("sqitch"):
        return None
    project = pathlib.Path(folder, "sqitch")
    deploy = project / "deploy"
    deploy.mkdir(parents=True)
    plan = ["%syntax-version=1.0.0", "%project=bench", ""]
    for file in files:
        name = pathlib.Path(file).stem
        deploy.joinpath(f"{name}.sql").write_text(f"BEGIN;\n{pathlib.Path(file).read_text(encoding='utf-8')}COMMIT;\n", encoding="utf-8")
        plan.append(f"{name} 2026-01-01T00:00:00Z bench <bench@example.org> # {name}")
    project.joinpath("sqitch.plan").write_text("\n".join(plan) + "\n", encoding="utf-8")
    project.joinpath("sqitch.conf").write_text("[core]\n\tengine = pg\n[user]\n\tname = bench\n\temail = bench@example.org\n", encoding="utf-8")
    return project


def main():
    with measuring.server_folder() as folder:
        scripts = pathlib.Path(folder, "scripts")
        scripts.mkdir(mode=0o755)
        write_files(str(scripts))
        files = [str(scripts / name) for name in sorted(os.listdir(scripts))]
        measuring.heading(f"Applying {len(files)} migrations, {ROUNDS} interleaved rounds")
        measuring.sql(f"SELECT count(*) FROM confiture.load_migrations('{scripts}')")
        by_psql = pathlib.Path(folder, "all.sql")
        by_psql.write_text("".join(f"BEGIN;\n\\i {file}\nCOMMIT;\n" for file in files), encoding="utf-8")
        project = sqitch_project(folder, files)
        actions = {
            "psql": lambda: psql(["-f", str(by_psql)]),
            "up": lambda: psql(["-c", "CALL confiture.up()", "-o", "/dev/null"]),
        }
        times = measuring.interleave(ROUNDS, actions, before=lambda: measuring.sql(TABLES_OF_FILES))
        measuring.report("psql, each file in BEGIN and COMMIT", times["psql"])
        measuring.report("CALL confiture.up()", times["up"])
        measuring.report_ratio("up() against psql", times["up"], times["psql"], 1.2)
        if not project:
            print("  sqitch is not installed: left out")
            return
        measuring.sql(TABLES_OF_FILES)
        spent = measuring.milliseconds(lambda: measuring.run_command(
            ["sqitch", "deploy", "db:pg:" + measuring.sql("SELECT current_database()")], cwd=project, env={**os.environ, **PATH}, stdin=subprocess.DEVNULL))
        measuring.report("sqitch, once", [spent])
        measuring.report_ratio("up() against sqitch", times["up"], [spent] * ROUNDS)


if __name__ == "__main__":
    main()
