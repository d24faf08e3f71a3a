"""A copy of the installed PostgreSQL in a scratch folder, for tests that install something.

A server finds its folders from where its program stands: so the programs are copied and the rest is links.
"""
import os
import pathlib
import shutil
import subprocess
from sessions import scratch_folder

PG_CONFIG = os.environ.get("PG_CONFIG", "pg_config")


def folder_of(what):
    """'pkglibdir': where pg_config says that it is."""
    return pathlib.Path(subprocess.run([PG_CONFIG, f"--{what}"], check=True, capture_output=True, text=True).stdout.strip())


def scratch_installation(*extensions):
    """Makes one with these extensions, each a folder with a Makefile, and has every Cluster use it.  Returns its root: the
    DESTDIR of `make install`."""
    root = scratch_folder()
    for extension in extensions:
        subprocess.run(["make", "-s", "-C", extension, "install", f"DESTDIR={root}", f"PG_CONFIG={PG_CONFIG}", "with_llvm=no",
                        "COPT=-Werror"],
                       check=True, stdout=subprocess.DEVNULL)
    for what in ("pkglibdir", "sharedir"):
        link_all(folder_of(what), inside(root, folder_of(what)))
    shutil.copytree(folder_of("bindir"), inside(root, folder_of("bindir")), dirs_exist_ok=True)
    os.environ["PGBIN"] = str(inside(root, folder_of("bindir")))
    return root


def inside(root, folder):
    return root / folder.relative_to("/")


def link_all(source, target):
    """What is in the target already stays."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        there = target / entry.name
        if there.is_dir() and not there.is_symlink():
            link_all(entry, there)
        elif not there.exists():
            there.symlink_to(entry)
