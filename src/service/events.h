// The ledger's entries for what the verbs do: which facts each holds, and no personal data in clear.
#pragma once

#include "crypto/ed25519.h"
#include "domain/device.h"
#include "domain/event.h"
#include "domain/image.h"
#include "domain/issued_token.h"
#include "domain/node.h"
#include "domain/session.h"
#include "domain/ssh_key.h"
#include "domain/tenant.h"
#include "domain/vm.h"
#include "service/caller.h"

namespace cadastre {

Event tenant_created(const Tenant& tenant, const Caller& caller);
/// That the display name changed; not to what, for it may be a person's.
Event tenant_updated(const Tenant& tenant, const Caller& caller);
Event tenant_quota_changed(const Tenant& before, const Tenant& after, const Caller& caller);
/// TENANT_SUSPENDED, TENANT_RESUMED or TENANT_DELETED, as the tenant's new state says.
Event tenant_state_changed(const Tenant& tenant, const Caller& caller);
Event vm_created(const Vm& vm, const Caller& caller);
/// VM_STARTED or VM_STOPPED, as the VM's new wish says.
Event vm_wished(const Vm& vm, const Caller& caller);
/// VM_STARTED once more, with how often that was.
Event vm_rebooted(const Vm& vm, const Caller& caller);
Event vm_deleted(const Vm& vm, const Caller& caller);
/// From `before` to the state that it is in now, and on which node.
Event vm_state_changed(const Vm& vm, VmState before, const Caller& caller);
/// A VM that waited has a node: the control plane's own doing.
Event vm_placed(const Vm& vm);
/// Not the name of the machine: it can be a person's.
Event node_enrolled(const Node& node, const Caller& caller);
/// What its agent tells of the machine, the first time and whenever that is something else.
Event node_heartbeat(const Node& node, const Caller& caller);
/// Cordoned, or not any more.
Event node_cordoned(const Node& node, const Caller& caller);
Event node_removed(const Node& node, const Caller& caller);
/// By which digests it is known, and not from where it comes: a URL can carry what lets one in there.
Event image_added(const Image& image, const Caller& caller);
Event image_removed(const Image& image, const Caller& caller);
/// By its fingerprint, and without its comment, which can be a person's address.
Event ssh_key_added(const SshKey& key, const std::string& fingerprint, const Caller& caller);
Event ssh_key_removed(const SshKey& key, const std::string& fingerprint, const Caller& caller);
/// With the name of whom it is for when a local command issued it: an administrator is somebody, and the ledger says
/// who.
Event token_issued(const IssuedToken& token, Actor actor, std::string request_id);
Event token_revoked(const IssuedToken& token, const Caller& caller);
/// The end of a token whose holder gets another in its place, and the beginning of that one: with what changed.
Event token_revoked_for(const IssuedToken& before, const IssuedToken& after, const Caller& caller);
Event token_issued_for(const IssuedToken& before, const IssuedToken& after, const Caller& caller);
/// An element of an offline chain, by its rid alone.
Event rid_revoked(const TenantId& tenant, const RevocationId& rid, const Caller& caller);
/// Every token bound to the key.
Event key_revoked(const TenantId& tenant, const Bytes<32>& key, const Caller& caller);
/// Every token of an older generation than the row's.
Event generation_revoked(const Tenant& tenant, const Caller& caller);
/// An issuer key became next, active or revoked; `before` is the kid that was active, or empty.
Event signing_key_changed(std::string_view change, std::string_view kid, std::string_view before, Actor actor);
/// A log has another key, from one `vkey` to the other.
Event ledger_key_rotated(const TenantId& tenant, std::string_view before, std::string_view after, Actor actor);
/// The same for the platform's log, without the tenant's name: every tenant may read that one.
Event ledger_key_rotated_of(const LogId& log, const PublicKey& before, const PublicKey& after, Actor actor);
/// An offline link was used in the namespace for the first time; the service saw it in the request of that id.
Event link_seen(const SeenLink& link, std::string request_id);
/// Not from where: an address can be a person's.
Event session_opened(const Session& session, const Caller& caller);
/// How long it lasted, in whole seconds, and why it ended: `closed`, `token_revoked`, `tenant_deleted`, `expired` or
/// `idle`.
Event session_closed(const Session& session, std::string_view reason, Instant ended_at, Actor actor,
                     std::string request_id);
/// A device proved its key, or an administrator approved of it: `state` says which it is now.
Event device_enrolled(const Device& device, Actor actor, std::string request_id);
Event device_removed(const Device& device, const Caller& caller);
/// The platform read the tenant's log (LEDGER.md section 6).
Event ledger_read(const TenantId& tenant, const Caller& caller);

}  // namespace cadastre
