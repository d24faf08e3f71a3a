"""The server of torture.py: killed with kill -9 and started again.

It is a child of this program, so that a killed one is gone as soon as it was waited for.  As an orphan it could stay a
zombie for long, and a server does not start while the process that its lock file names is there.
"""
import os
import pathlib
import signal
import subprocess

from sessions import wait_until


class Server:
    def __init__(self, cluster):
        """Takes over from the server that the cluster began with."""
        self.cluster = cluster
        self.data = f"{cluster.host}/data"
        stopped = subprocess.run([*cluster.as_server, cluster.bin / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop"], cwd="/",
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if stopped.returncode:
            raise RuntimeError(stopped.stdout)
        self.start()

    def start(self):
        with open(f"{self.cluster.host}/log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([*self.cluster.as_server, self.cluster.bin / "postgres", "-D", self.data], cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        if not wait_until(lambda: self.process.poll() is not None or self.answers(), 120, 0.02) or self.process.poll() is not None:
            raise RuntimeError(f"the server does not start: {self.cluster.log()[-2000:]}")

    def answers(self):
        return self.cluster.sql("SELECT 1", check=False) == "1"

    def kill(self):
        """Returns when the postmaster and all its processes have ended, as its shared memory is theirs as long as they live."""
        # Stopped, it begins no other process between the look and the kill.
        stop(self.process.pid)
        children = self._children()
        self.process.kill()
        self.process.wait()
        if not wait_until(lambda: not any(map(lives, children)), 60, 0.01):
            raise RuntimeError(f"processes {[each for each in children if lives(each)]} outlive the postmaster")
        return len(children)

    def _children(self):
        postmaster = str(self.process.pid)
        return [int(folder.name) for folder in pathlib.Path("/proc").iterdir()
                if folder.name.isdecimal() and status_of(folder.name)[1:2] == [postmaster]]


def status_of(process):
    """Its state, its parent and so on; nothing when it is not there."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def lives(process):
    """A zombie holds nothing any more."""
    return status_of(process)[:1] not in ([], ["Z"])


def stop(process):
    """False where it has ended."""
    os.kill(process, signal.SIGSTOP)
    if not wait_until(lambda: status_of(process)[:1] in ([], ["Z"], ["T"]), 60, 0.001):
        raise RuntimeError(f"process {process} does not stop")
    return lives(process)


def kill(process):
    """With kill -9; false where it ended by itself just before.  A stopped one does not end between the look and the kill."""
    try:
        if not stop(process):
            return False
        os.kill(process, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False
