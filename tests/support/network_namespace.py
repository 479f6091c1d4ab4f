"""A network of its own for a program under test (network_namespaces(7)): nothing is in it but loopback, which can be taken down and up again. Needs root."""
import ctypes
import fcntl
import os
import socket
import struct
import threading

CLONE_NEWNET = 0x40000000  # linux/sched.h
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h
IFREQ = struct.Struct("16sh14x")  # netdevice(7)


class NetworkNamespace:
    """Lives for as long as this object's descriptor or a process in it does."""

    def __init__(self):
        self.fd = self.in_thread(self.unshare)
        self.set_up(True)

    @staticmethod
    def in_thread(work):
        """What `work` answers in a thread of its own, which a namespace belongs to."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(work()))
        thread.start()
        thread.join()
        if not answers:
            raise RuntimeError("the work in a network namespace failed; its thread told why")
        return answers[0]

    @staticmethod
    def call(name, *arguments):
        if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")

    def unshare(self):
        self.call("unshare", CLONE_NEWNET)
        return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def inside(self, work):
        """What `work` answers inside; sockets that it makes stay there."""
        def enter():
            self.call("setns", self.fd, CLONE_NEWNET)
            return work()
        return self.in_thread(enter)

    def set_up(self, is_up):
        """Brings loopback up, or takes it down: then nothing comes through, and what is sent is sent again later."""
        def change():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                _, flags = IFREQ.unpack(fcntl.ioctl(any_socket, SIOCGIFFLAGS, IFREQ.pack(b"lo", 0)))
                fcntl.ioctl(any_socket, SIOCSIFFLAGS, IFREQ.pack(b"lo", flags | IFF_UP if is_up else flags & ~IFF_UP))
            return True
        self.inside(change)

    def entering(self, command):
        """The command as one that runs inside."""
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self.fd}", *command]

    def close(self):
        os.close(self.fd)
