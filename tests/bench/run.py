#!/usr/bin/env python3
"""Measures the product beside nginx, etcd and the disk, in turns, and prints the table of docs/performance.md.

What matters is the ratio within a round: the machines this runs on are shared, and their speed drifts.
"""
import argparse
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from contenders import Etcd, Nginx, Pgbench, Plane, put_request, transaction_request, wrk  # noqa: E402
from postgres import Cluster  # noqa: E402

CONNECTIONS = 64
PUBLISHED_WITHIN_S = 1800
PARTS = ("reads", "creates", "single", "tenants", "postgresql", "verification", "size")


def spread(values, form="{:.2f}"):
    """The median and the range."""
    middle = form.format(statistics.median(values))
    return f"{middle} ({form.format(min(values))}–{form.format(max(values))})"


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, measured, reference, ratio="", goal="", holds=None):
        verdict = {True: "yes", False: "**no**", None: ""}[holds]
        self.rows.append((what, measured, reference, ratio, goal, verdict))
        print(" | ".join(part for part in self.rows[-1] if part), flush=True)

    def compare(self, what, ours, theirs, unit, goal=None, less=False):
        """A row of two series measured in turns; the goal is about the median of the ratios by round."""
        ratios = [a / b for a, b in zip(ours, theirs)]
        middle = statistics.median(ratios)
        form = "{:,.0f}" if unit == "/s" else "{:.3f}"
        holds = None if goal is None else (middle <= goal if less else middle >= goal)
        self.add(what, f"{spread(ours, form)} {unit}", f"{spread(theirs, form)} {unit}", spread(ratios),
                 "" if goal is None else f"{'≤' if less else '≥'} {goal}", holds)

    def text(self):
        head = ("what", "Cadastre", "beside it", "ratio", "goal", "met")
        lines = [head, tuple("---" for _ in head), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


class Bench:
    def __init__(self, arguments, work):
        self.bin, self.work = arguments.bin, work
        self.rounds, self.seconds = arguments.rounds, arguments.seconds
        self.tenants, self.vms_each = arguments.tenants, 10
        self.table = Table()

    def plane(self, tenants, store="sqlite"):
        """A control plane whose register holds that many tenants with ten VMs each."""
        return Plane(self.bin, self.work / f"{store.partition(':')[0]}-{tenants}", tenants, self.vms_each, store)

    def post(self, plane, connections=CONNECTIONS, mode="create", first=0, count=1):
        return wrk(plane.url, connections, self.seconds, (mode, plane.tokens, first, count))

    def reads(self):
        """GET /v1/vms with ten VMs, of one tenant, beside the same bytes as a file of nginx."""
        kept, files, rendered, big_files = [], [], [], []
        with self.plane(1) as plane, self.plane(self.tenants) as big:
            big.wait_published(PUBLISHED_WITHIN_S)
            token = plane.first_token()
            with Nginx(self.work / "nginx", plane.get("/v1/vms", token)) as nginx:
                for _ in range(self.rounds):
                    files.append(wrk(nginx.url, CONNECTIONS, self.seconds)["rate"])
                    kept.append(wrk(plane.url + "/v1/vms", CONNECTIONS, self.seconds,
                                    headers=[f"Authorization: Bearer {token}"])["rate"])
                    big_files.append(wrk(nginx.url, CONNECTIONS, self.seconds)["rate"])
                    rendered.append(self.post(big, mode="read", count=self.tenants)["rate"])
        self.table.compare("`GET /v1/vms`, 10 VMs, one tenant; beside nginx with the same file", kept, files, "/s", 0.5)
        self.table.compare(f"the same of {self.tenants:,} tenants in turn, another token each time (verified and read "
                           "anew)", rendered, big_files, "/s")

    def creates(self):
        """POST /v1/vms from 64 connections beside etcd."""
        creates, churn, puts, transactions = [], [], [], []
        with self.plane(1) as plane, Etcd(self.work / "etcd") as etcd:
            etcd.load("Put", put_request(b"tenant/acme/usage"), 1, 1)
            for _ in range(self.rounds):
                puts.append(etcd.load("Put", put_request(b"tenant/acme/vm/0001"), CONNECTIONS, self.seconds)["rate"])
                creates.append(self.post(plane)["rate"])
                transactions.append(etcd.load("Txn", transaction_request(), CONNECTIONS, self.seconds)["rate"])
                churn.append(self.post(plane, mode="churn")["rate"])
        self.table.compare(f"`POST /v1/vms`, {CONNECTIONS} connections; beside etcd put, {CONNECTIONS} clients", creates,
                           puts, "/s", 1)
        self.table.compare("the same; beside etcd's transaction of one compare and three puts", creates, transactions,
                           "/s", 2)
        self.table.compare("`POST` and `DELETE` in turns, each counted; beside that transaction", churn, transactions,
                           "/s")

    def sync_p50_ms(self):
        """The median of appending 4 KiB to a file of the same folder and fdatasync."""
        times = []
        with open(self.work / "sync", "wb", buffering=0) as file:
            end = time.monotonic() + self.seconds / 2
            while time.monotonic() < end:
                file.write(bytes(4096))
                start = time.perf_counter()
                os.fdatasync(file.fileno())
                times.append(time.perf_counter() - start)
        return statistics.median(times) * 1000

    def single(self):
        """POST /v1/vms from one connection beside the disk's fdatasync and etcd."""
        creates, churn, syncs, puts = [], [], [], []
        with self.plane(1) as plane, Etcd(self.work / "etcd-single") as etcd:
            for _ in range(self.rounds):
                syncs.append(self.sync_p50_ms())
                creates.append(self.post(plane, 1)["p50_ms"])
                churn.append(self.post(plane, 1, mode="churn")["p50_ms"])
                puts.append(etcd.load("Put", put_request(b"tenant/acme/vm/0001"), 1, self.seconds)["mean_ms"])
        self.table.compare("`POST /v1/vms`, 1 connection, p50; beside fdatasync of 4 KiB, p50", creates, syncs, "ms", 2,
                           less=True)
        self.table.compare("`POST` and `DELETE` in turns, p50; beside the same", churn, syncs, "ms")
        self.table.compare("`POST /v1/vms`, 1 connection, p50; beside etcd put, 1 client, mean", creates, puts, "ms")

    def across_tenants(self):
        """POST /v1/vms by how many tenants the register holds, and by how many of them create."""
        one, thousand, one_of_many, many, everyone = [], [], [], [], []
        with self.plane(1) as small, self.plane(1000) as middle, self.plane(self.tenants) as big:
            middle.wait_published(PUBLISHED_WITHIN_S)
            big.wait_published(PUBLISHED_WITHIN_S)
            for _ in range(self.rounds):
                for rates, plane, count in ((one, small, 1), (thousand, middle, 1000), (one_of_many, big, 1),
                                            (many, big, CONNECTIONS), (everyone, big, self.tenants)):
                    rates.append(self.post(plane, count=count)["rate"])
                    plane.wait_published(PUBLISHED_WITHIN_S)  # so that each meets no work of the one before
        self.table.compare("`POST /v1/vms` spread over 1,000 tenants; beside 1 tenant", thousand, one, "/s")
        self.table.compare(f"in a register of {self.tenants:,} tenants, one of them busy; beside 1 tenant", one_of_many,
                           one, "/s", 0.8)
        self.table.compare(f"{CONNECTIONS} of them busy; beside 1 tenant", many, one, "/s", 0.8)
        self.table.compare(f"all {self.tenants:,} busy; beside 1 tenant", everyone, one, "/s", 0.8)

    def postgresql(self):
        """The same server on PostgreSQL, beside pgbench with a transaction of the same rows on the same cluster, and beside SQLite."""
        spread, spread_peer, hot, hot_peer, reads, own_reads = [], [], [], [], [], []
        folder = self.work / "postgresql"
        with Cluster(folder) as cluster, self.plane(1) as own, self.plane(Pgbench.TENANTS + 1, f"postgresql:{folder}") as plane:
            pgbench = Pgbench(cluster, self.work)
            for _ in range(self.rounds):
                for rates, peers, tenants in ((spread, spread_peer, Pgbench.TENANTS), (hot, hot_peer, 1)):
                    peers.append(pgbench.rate(tenants, CONNECTIONS, self.seconds))
                    rates.append(self.post(plane, count=tenants)["rate"])
                    plane.wait_published(PUBLISHED_WITHIN_S)
                for rates, server, tenant in ((reads, plane, Pgbench.TENANTS), (own_reads, own, 0)):
                    rates.append(self.post(server, mode="read", first=tenant)["rate"])
        self.table.compare(f"PostgreSQL: `POST /v1/vms` of {Pgbench.TENANTS} tenants, {CONNECTIONS} connections; beside pgbench, "
                           f"{CONNECTIONS} clients, on the same cluster", spread, spread_peer, "/s", 1.5)
        self.table.compare("PostgreSQL: all of one tenant; beside pgbench with one tenant", hot, hot_peer, "/s", 3)
        self.table.compare("PostgreSQL: `GET /v1/vms`, 10 VMs; beside SQLite", reads, own_reads, "/s")

    def verification(self):
        """What it takes to know who comes with a token, beside one signature check of libsodium."""
        out = subprocess.run([self.bin / "token_bench", self.work / "tokens"], capture_output=True, text=True, check=True).stdout
        print(out, end="")
        figures = {line[:60].strip(): line[60:].strip() for line in out.splitlines()}
        bare = figures["libsodium, the signature alone"]
        for name, goal in (("one element, key known", 1.3), ("one element, key new", None), ("four links, keys known", 5.5),
                           ("four links, keys new", None)):
            ratio = figures[f"{name}, ratio"]
            self.table.add(f"first verification of a token: {name}; beside libsodium's Ed25519 alone", figures[name], bare, ratio,
                           f"≤ {goal}" if goal else "", float(ratio.split()[0]) <= goal if goal else None)
        for name in ("one element, cached", "four links, cached"):
            self.table.add(f"a token in the cache: {name.removesuffix(', cached')}", figures[name], "", "", "≤ 2 us",
                           float(figures[name].split()[0]) <= 2)
        for name, others in (("one element, key known", "none"), ("one element, key known", "one"), ("four links, keys known", "none"),
                             ("four links, keys known", "one"), ("one element, cached", "none"), ("four links, cached", "none")):
            ratio = figures[f"{name}, 100,000 revocations beside {others}"]
            beside = figures[name if others == "none" else f"{name}, 1 revocation"]
            self.table.add(f"{name}, 100,000 revocations in the tenant; beside {others}", figures[f"{name}, 100,000 revocations"],
                           beside, ratio, "≤ 1.1", float(ratio.split()[0]) <= 1.1)

    def size(self):
        """Start and memory with the full register."""
        starts, sizes = [], []
        plane = self.plane(self.tenants)
        with plane:
            published_in = plane.wait_published(PUBLISHED_WITHIN_S)
        for _ in range(self.rounds):
            begun = time.monotonic()
            with plane:
                starts.append(time.monotonic() - begun)
                plane.get("/v1/vms", plane.first_token())
                sizes.append(plane.resident_mib())
                self.post(plane, mode="read", count=self.tenants)
                loaded = plane.resident_mib()
        vms = self.tenants * self.vms_each
        self.table.add(f"start until ready, {self.tenants:,} tenants with {vms:,} VMs", spread(starts) + " s", "")
        self.table.add("resident memory after the start", spread(sizes, "{:.0f}") + " MiB", "")
        self.table.add("resident memory after reads of all tenants in turn", f"{loaded:.0f} MiB", "")
        if published_in > 1:
            self.table.add("publishing all their ledgers for the first time", f"{published_in:.0f} s", "")

    def run(self, parts):
        work = {"reads": self.reads, "creates": self.creates, "single": self.single, "tenants": self.across_tenants,
                "postgresql": self.postgresql,
                "verification": self.verification, "size": self.size}
        for part in parts:
            print(f"--- {part}", flush=True)
            work[part]()


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=lambda text: pathlib.Path(text).resolve(), required=True, help="the built programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each run of a round")
    parser.add_argument("--tenants", type=int, default=100_000, help="of the large register, ten VMs each")
    parser.add_argument("--work", help="where the data lies: the disk that is measured; default a temporary folder")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default all")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}")
    if arguments.tenants <= 1000:
        parser.error("--tenants must be more than 1,000: that is the size of the middle register")
    print(f"machine: {machine()}; {arguments.rounds} rounds of {arguments.seconds} s")
    with tempfile.TemporaryDirectory(prefix="cadastre-bench-", dir=arguments.work) as work:
        bench = Bench(arguments, pathlib.Path(work).resolve())
        bench.run([part for part in PARTS if not arguments.parts or part in arguments.parts])
    print()
    print(bench.table.text())


if __name__ == "__main__":
    main()
