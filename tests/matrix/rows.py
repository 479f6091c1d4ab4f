"""The rows of the isolation matrix: each operation of the contract, what it needs, and how it is called."""
import dataclasses
import pathlib
import secrets
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from credential import enrolment  # noqa: E402
from world import SSH_KEY  # noqa: E402

# Each can do what those before it can; `service:console` stands beside them and can do none of it.
SCOPES = ["service:console", "READ", "USER", "INPUT", "service:tenant-admin", "service:platform-admin"]


@dataclasses.dataclass
class Row:
    """One operation. `about` says whose data: `open` (nobody's, no credential), `all` tenants, `path` (the tenant named in it),
    `own_tenant` (the token's; an administrator has none), `own` (the token's, or the platform's own) `device` (that of the token; it
    is refused to all others) or `node` (that of the token's device, of another scope than all of SCOPES)."""
    needs: str
    about: str
    ok: int
    change: bool = False
    has_id: bool = False  # the path names something that belongs to a tenant
    small: typing.Optional[str] = None  # the scope from which on it works, when the operation itself asks for more than the route
    quiet: bool = False  # what the body names of another's is answered as if there were nothing
    unseen: bool = False  # what it changes can be read nowhere
    foreign: tuple = (403, "TENANT_MISMATCH")  # what comes when another sends a body that is about acme
    body: typing.Optional[typing.Callable] = None  # of the world and a tenant's name; a form when it gives text
    fresh: typing.Optional[typing.Callable] = None  # makes what the call may use up; answers its names in the path


def tenant_order(world, _):
    return {"tenant_id": world.fresh_name(), "display_name": "Fresh", "max_vms": 1, "storage_quota_gb": 10,
            "api_rate_limit_rpm": 60}


def token_order(world, _):
    return {"subject_pubkey": world.public_key, "scope": "READ", "expires_in_seconds": 60}


def named_token_order(world, tenant):
    return {**token_order(world, tenant), "tenant_id": tenant}


def vm_order(_, tenant):
    return {"vm_type": "small", "ram_mb": 64, "vcpu_count": 1, "disk_gb": 1, "tenant_id": tenant}


def revocation(world, _):
    return {"rid": world.fresh_rid()}


def doomed_form(world, tenant):
    return f"token={world.doomed[tenant][0]['token']}"


def doomed_order(world, tenant):
    return {"token_ids": [world.doomed[tenant][1]["token_id"]], "scope": "USER", "expires_in_seconds": 60}


def fresh_tenant(world):
    return {"tenant_id": world.make_tenant(world.fresh_name())}


def fresh_suspended_tenant(world):
    names = fresh_tenant(world)
    world.send("POST", f"/v1/tenants/{names['tenant_id']}/suspend", world.admin, expect=200)
    return names


def fresh_vm(world):
    return {"vm_id": world.make_vm("acme")}


def fresh_stopped_vm(world):
    names = fresh_vm(world)
    world.send("POST", f"/v1/vms/{names['vm_id']}/stop", world.tokens["acme", "INPUT"], expect=200)
    return names


def fresh_token(world):
    return {"token_id": world.issue("acme", "READ")["token_id"]}


def session_order(world, tenant):
    """A proof by the holder of acme's token; of no other tenant's, which must be refused before anybody looks at it."""
    return {"proof": world.session_proof(world.token_of(tenant)) if tenant == "acme" else "rubbish"}


def fresh_session(world):
    return {"session_id": world.open_session(world.token_of("acme"))}


def device_order(world, _):
    return {"device_id": "node-fresh", "subject_pubkey": world.public_key}


def stray_proof(world, tenant):
    return {"proof": enrolment(secrets.token_bytes(32), "cadastre:test", tenant, "node-1", world.fresh_rid())}


def fresh_device(world):
    world.made += 1
    return {"device_id": world.enrol("acme", f"node-{world.made}")}


def approval(world, tenant):
    return {"fingerprint": world.fingerprints[tenant]}


def node_facts(_, __):
    return {"node_id": "node-x", "hostname": "x", "ram_total_mb": 1, "cpu_cores": 1, "disk_total_gb": 1}


def image_order(*_):
    """An image that is there already, but for acme's when `fresh_catalogue` has made room for it."""
    return {"name": "small", "format": "raw", "url": "https://images.example/small", "sha256": "0" * 64, "size_bytes": 1}


def ssh_key_order(*_):
    """A key that is there already, but for acme's when `fresh_key_ring` has made room for it."""
    return {"name": "laptop", "public_key": SSH_KEY}


def fresh_key_ring(world):
    world.send("DELETE", "/v1/ssh-keys/laptop", world.token_of("acme"), expect=204)
    return {}


def fresh_catalogue(world):
    world.send("DELETE", "/v1/images/small", world.token_of("acme"), expect=204)
    return {}


PLATFORM, ADMIN, INPUT, READ, HOST = "service:platform-admin", "service:tenant-admin", "INPUT", "READ", "service:vm-host"

ROWS = {
    "tenant.create": Row(PLATFORM, "all", 201, change=True, body=tenant_order),
    "tenant.list": Row(PLATFORM, "all", 200),
    "tenant.get": Row(READ, "path", 200),
    "tenant.update": Row(PLATFORM, "path", 200, change=True, body=lambda *_: {"max_vms": 77}),
    "tenant.delete": Row(PLATFORM, "path", 204, change=True, fresh=fresh_tenant),
    "tenant.suspend": Row(PLATFORM, "path", 200, change=True, fresh=fresh_tenant),
    "tenant.resume": Row(PLATFORM, "path", 200, change=True, fresh=fresh_suspended_tenant),
    "token.issue": Row(ADMIN, "path", 201, change=True, body=token_order),
    "token.list": Row(ADMIN, "path", 200),
    "token.get": Row(ADMIN, "path", 200, has_id=True),
    "token.revoke": Row(ADMIN, "path", 204, change=True, has_id=True, fresh=fresh_token),
    "token.replace": Row(ADMIN, "path", 201, change=True, has_id=True, body=lambda *_: {"scope": "USER", "expires_in_seconds": 60},
                         fresh=fresh_token),
    "token.replace.bulk": Row(ADMIN, "path", 201, change=True, body=doomed_order),
    "link.list": Row(ADMIN, "path", 200),
    "revocation.create": Row(ADMIN, "path", 204, change=True, body=revocation),
    "token.issue.alias": Row(ADMIN, "own", 201, change=True, body=named_token_order),
    "token.revoke.alias": Row(READ, "own", 204, change=True, has_id=True, small=ADMIN, fresh=fresh_token),
    "token.verify": Row("none", "open", 200, body=lambda world, tenant: {"token": world.spare_tokens[tenant]}),
    "token.introspect": Row(READ, "own", 200, quiet=True, body=lambda world, tenant: f"token={world.spare_tokens[tenant]}"),
    "token.revoke.form": Row(READ, "own", 200, change=True, small=ADMIN, quiet=True, body=doomed_form),
    "key.list": Row("none", "open", 200),
    "session.challenge": Row(READ, "own", 201, change=True, unseen=True),
    "session.open": Row(READ, "own", 201, change=True, foreign=(422, "INVALID_FIELD"), body=session_order),
    "session.list": Row(READ, "own", 200),
    "session.close.all": Row(READ, "own", 200, change=True, fresh=fresh_session),
    "session.get": Row(READ, "own", 200, has_id=True, fresh=fresh_session),
    "session.close": Row(READ, "own", 204, change=True, has_id=True, fresh=fresh_session),
    "tenant.session.list": Row(ADMIN, "path", 200),
    "tenant.session.close.all": Row(ADMIN, "path", 200, change=True, fresh=fresh_session),
    "tenant.session.get": Row(ADMIN, "path", 200, has_id=True, fresh=fresh_session),
    "tenant.session.close": Row(ADMIN, "path", 204, change=True, has_id=True, fresh=fresh_session),
    "device.challenge": Row(ADMIN, "path", 201, change=True, unseen=True, body=device_order),
    "device.enrol": Row("none", "open", 401, body=stray_proof),  # nobody's nonce: what a right one does is in tests/tokens/devices.py
    "device.list": Row(ADMIN, "path", 200),
    "device.get": Row(ADMIN, "path", 200, has_id=True),
    "device.remove": Row(ADMIN, "path", 204, change=True, has_id=True, fresh=fresh_device),
    "device.approve": Row(ADMIN, "path", 200, change=True, unseen=True, has_id=True, body=approval),  # it is approved of already
    "device.renew": Row(READ, "device", 403, change=True),
    "vm.create": Row(INPUT, "own_tenant", 201, change=True, body=vm_order),
    "vm.list": Row(READ, "own_tenant", 200),
    "vm.get": Row(READ, "own_tenant", 200, has_id=True),
    "vm.delete": Row(INPUT, "own_tenant", 204, change=True, has_id=True, fresh=fresh_vm),
    "vm.start": Row(INPUT, "own_tenant", 200, change=True, has_id=True, fresh=fresh_stopped_vm),
    "vm.stop": Row(INPUT, "own_tenant", 200, change=True, has_id=True),
    "vm.reboot": Row(INPUT, "own_tenant", 409, change=True, has_id=True),  # it does not run: there is no machine
    "vm.console": Row("USER", "own_tenant", 200, has_id=True),
    "node.enrol": Row(HOST, "node", 403, change=True, body=node_facts),
    "node.heartbeat": Row(HOST, "node", 403, change=True, body=node_facts),
    "node.wishes": Row(HOST, "node", 403),
    "node.report": Row(HOST, "node", 403, change=True, body=lambda *_: {"vms": []}),
    "node.console": Row(HOST, "node", 403, change=True, body=lambda *_: "login: "),
    "node.list": Row(READ, "own_tenant", 200),
    "node.get": Row(READ, "own_tenant", 200, has_id=True),
    "node.cordon": Row(ADMIN, "own_tenant", 200, change=True, has_id=True),
    "node.uncordon": Row(ADMIN, "own_tenant", 200, change=True, has_id=True),
    "node.drain": Row(ADMIN, "own_tenant", 200, change=True, has_id=True),
    "node.remove": Row(ADMIN, "own_tenant", 204, change=True, has_id=True),
    "placement.get": Row(READ, "own_tenant", 200),
    "image.add": Row(ADMIN, "own", 201, change=True, foreign=(409, "ALREADY_EXISTS"), body=image_order, fresh=fresh_catalogue),
    "image.list": Row(READ, "own", 200),
    "image.get": Row(READ, "own", 200, has_id=True),
    "image.remove": Row(ADMIN, "own", 204, change=True, has_id=True),
    "ssh-key.add": Row(INPUT, "own_tenant", 201, change=True, foreign=(409, "ALREADY_EXISTS"), body=ssh_key_order, fresh=fresh_key_ring),
    "ssh-key.list": Row(READ, "own_tenant", 200),
    "ssh-key.get": Row(READ, "own_tenant", 200, has_id=True),
    "ssh-key.remove": Row(INPUT, "own_tenant", 204, change=True, has_id=True),
    "status.get": Row(READ, "own_tenant", 200),
    "ledger.entries": Row(READ, "own", 200),
    "ledger.checkpoint": Row(READ, "own", 200),
    "ledger.tile": Row(READ, "own", 200),
    "ledger.proof": Row(READ, "own", 200),
    "tenant.ledger.entries": Row(READ, "path", 200),
    "tenant.ledger.checkpoint": Row(READ, "path", 200),
    "tenant.ledger.tile": Row(READ, "path", 200),
    "tenant.ledger.proof": Row(READ, "path", 200),
    "health.live": Row("none", "open", 200),
    "health.live.alias": Row("none", "open", 200),
    "health.ready": Row("none", "open", 200),
    "metrics.get": Row("none", "open", 200),  # from the machine itself
    "contract.get": Row("none", "open", 200),
    "problem.list": Row("none", "open", 200),
    "problem.get": Row("none", "open", 200),
}
