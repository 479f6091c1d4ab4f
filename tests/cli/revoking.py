"""What `cadastre token revoke` ends, against the real server: run.py runs this too."""
import credential

REFUSED, USAGE, INPUT_OUTPUT = 1, 2, 3


def run(trial, public):
    """Everything that can be ended: links by their rid and text, a key, all; with the devices that were enrolled under it."""
    def ends(name, *arguments, reason="revoked", **more):
        """What is in the file is good, and then that ends it."""
        trial.run("vm", "list", "--token-file", name)
        trial.run("token", "revoke", *arguments, **more)
        refused(name, reason)

    def refused(name, reason="revoked"):
        trial.run("vm", "list", "--token-file", name, code=REFUSED, says=rf"\(UNAUTHENTICATED: {reason}, request")

    def is_revoked(rid):
        return {each["rid"]: each["revoked"] for each in trial.json("token", "links")["links"]}.get(rid)

    def link(name, subject=public):
        trial.run("token", "mint", "--scope", "READ", "--expires-in", "5m", "--subject-pubkey", subject, "--save", name)
        text = (trial.folder / name).read_text(encoding="ascii").strip()
        trial.secrets.append(text)
        return text

    for wrong in ((), ("--devices",), ("some-id", "--all"), ("--key", public, "--chain", "acme.token")):
        trial.run("token", "revoke", *wrong, code=USAGE, says="say what ends, and that once: an ID, --chain, --key or --all")
    trial.run("token", "revoke", "--key", "@holder.key", code=USAGE, says="--key: this is a private key")
    trial.run("token", "revoke", "--chain", "public.pem", code=INPUT_OUTPUT, says="holds a secret and others can read it")
    trial.run("token", "revoke", (trial.folder / "acme.token").read_text(encoding="ascii").strip(), code=USAGE, says="a secret on the command line")
    trial.run("token", "revoke", "A" * 22, code=REFUSED, says=r"There is no such token \(NOT_FOUND")
    trial.run("token", "revoke", credential.rid_of(link("link-1.token").partition("~")[2]))  # of which the server never heard
    refused("link-1.token")
    colleague = credential.rid_of((trial.folder / "colleague.token").read_text(encoding="ascii").strip().partition("~")[2])
    trial.expect("the colleague's link, before", is_revoked(colleague), False)
    trial.run("token", "revoke", "--chain", "colleague.token")
    trial.expect("the colleague's link", is_revoked(colleague), True)
    trial.found("the table of links", "RID .*REVOKED +DEPTH", trial.run("token", "links"))
    link("link-2.token")
    ends("link-2.token", "--chain", "link-2.token")
    third = link("link-3.token")
    ends("link-3.token", "--chain", "-", given=third + "\n")
    trial.run("token", "revoke", "--chain", "-", given="nonsense\n", code=REFUSED, says="token is none that this service would accept")
    trial.run("vm", "list", "--token-file", "acme.token")
    lost = trial.run("key", "create", "lost.key").strip()
    link("link-4.token", lost)
    ends("link-4.token", "--key", lost, reason="key_revoked:subject")
    admin = trial.json("token", "issue", "--subject-pubkey", public, "--expires-in", "1h", "--scope", "service:tenant-admin", "--save", "ana2.token")
    by_ana = ("--url", trial.server.url, "--token-file", "ana2.token")
    order = ("--subject-pubkey", trial.run("key", "create", "machine.key").strip())
    for number in range(2):
        trial.run("device", "challenge", f"machine-{number}", *order, *(by_ana if number == 0 else ()), "--save", f"machine-{number}.json")
        trial.run("device", "enrol", "--challenge", f"machine-{number}.json", "--key-file", "machine.key", "--save", f"machine-{number}.token")
        trial.secrets.append((trial.folder / f"machine-{number}.token").read_text(encoding="ascii").strip())
    ends("ana2.token", admin["token_id"], "--devices")
    trial.expect("devices of others", [each["device_id"] for each in trial.json("device", "list")["devices"]], ["machine-1"])
    ends("acme.token", "--all", reason="tenant_generation")
    platform = ("--context", "admin", "--tenant", "acme")
    trial.expect("devices after all", [each["device_id"] for each in trial.json("device", "list", *platform)["devices"]], ["machine-1"])
    trial.run("token", "revoke", "--all", "--devices", *platform)
    trial.expect("devices after all with devices", trial.json("device", "list", *platform)["devices"], [])
    kinds = [each["data"] for each in trial.json("ledger", "read", "--event-type", "TOKEN_REVOKED", *platform)["entries"]]
    trial.expect("the whole generation in the ledger", len([each for each in kinds if "all_before_generation" in each]), 2)
