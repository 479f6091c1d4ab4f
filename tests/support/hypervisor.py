"""A libvirt of its own for tests: `qemu:///session` of a user who is not root, with all its files in one temporary folder."""
import contextlib
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile

from watch import wait_for

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
ENDS_WITHIN_S = 10
# What bounds a guest's console: the file and one that was put aside (virtlogd.conf).
VIRTLOGD_CONF = "max_size = 65536\nmax_backups = 1\n"


PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def in_reaped_family(work):
    """Exits with what `work` answers, which runs in a child process: this one takes in what daemons leave behind, QEMU that is, and
    buries it at once. libvirt waits for that when it ends a guest, and in a container process 1 may be late. SIGTERM ends the work as
    an exception would, so that its session is removed."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        sys.exit(work())
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == child:
            sys.exit(os.waitstatus_to_exitcode(status) and 1)


def owner():
    """Who runs QEMU: never root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    return pwd.getpwnam("nobody")


class HypervisorSession:
    """libvirt starts its daemons itself when a client of the session comes, and finds their places by the XDG variables. As a
    context manager it ends what still runs of it, each process by its number, and leaves nothing."""

    def __init__(self):
        # A socket's path has at most 107 characters, so the name is short.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cad-vm-", dir="/tmp"))
        self.user = owner()
        for name in ("run", "config/libvirt", "cache", "data", "work"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        (self.folder / "config/libvirt/virtlogd.conf").write_text(VIRTLOGD_CONF, encoding="utf-8")
        self.give(self.folder)
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.folder), "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.folder / "run"), "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_CACHE_HOME": str(self.folder / "cache"), "XDG_DATA_HOME": str(self.folder / "data"),
        }

    @property
    def work(self):
        """A folder of the session's user, for the test's own files."""
        return self.folder / "work"

    def give(self, path):
        """Makes the session's user the owner of the path and all below it."""
        for each in [path, *path.rglob("*")]:
            os.chown(each, self.user.pw_uid, self.user.pw_gid)

    def bring(self, *paths):
        """Copies files to where the session's user can read them, wherever they lie; answers their new paths."""
        copies = [pathlib.Path(shutil.copy(path, self.work)) for path in paths]
        for copy in copies:
            os.chown(copy, self.user.pw_uid, self.user.pw_gid)
        return copies

    def bring_guest(self, folder):
        """The kernel and the initrd of tools/guest_image, made in the folder when they are missing."""
        subprocess.run([TOOLS / "guest_image", folder], check=True)
        return self.bring(pathlib.Path(folder, "vmlinuz"), pathlib.Path(folder, "initrd.gz"))

    def as_user(self, command):
        """The command as a program of the session's user."""
        command = [str(word) for word in command]
        if os.getuid() != 0:
            return command
        return ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", *command]

    def run(self, command, environment=None, **more):
        return subprocess.run(self.as_user(command), env={**self.environment, **(environment or {})}, cwd=self.folder, check=False,
                              **more)

    def virsh(self, *arguments):
        done = self.run(["virsh", "-q", "-c", "qemu:///session", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"virsh {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def daemon(self, name):
        """The process number of `libvirtd` or `virtlogd`; nothing when it does not run."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / f"run/libvirt/{name}.pid").read_text(encoding="utf-8"))
            return pid if pid in self.processes() else None
        return None

    def kept(self, guest):
        """The file in which libvirtd keeps what it knows of a guest that has a process."""
        return self.folder / f"run/libvirt/qemu/run/{guest}.xml"

    def kill_libvirtd(self):
        """Whoever needs it next starts it again."""
        if pid := self.daemon("libvirtd"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self):
        """All that runs in the session, by its environment: daemons, QEMU, and what the test left."""
        mark = f"={self.folder}/".encode()  # libvirt gives QEMU other variables than it got, all below the folder
        found = set()
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes():
                    found.add(int(process.name))
        return found

    def guests(self):
        """The process numbers of QEMU."""
        found = set()
        for pid in self.processes():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith("qemu-system"):
                    found.add(pid)
        return found

    def remove(self):
        """Ends whatever is left and deletes the folder."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            if wait_for(lambda: not self.processes(), ENDS_WITHIN_S):
                break
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.remove()
