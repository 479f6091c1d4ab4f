-- Room on the nodes of the shared pool for VMs of other tenants: a row of the pool's namespace for each. That such a VM
-- is on a node of the pool its own row says, in `details`, as `pool`.
CREATE TABLE pool_reservation (
  tenant_id TEXT NOT NULL,            -- the pool's, which holds the node
  vm_id BLOB NOT NULL,
  vm_tenant_id TEXT NOT NULL,
  vm_revision INTEGER NOT NULL,       -- of the waiting VM that the room was taken for
  node_id TEXT NOT NULL,
  disk_gb INTEGER NOT NULL,
  ram_mb INTEGER NOT NULL,
  vcpus INTEGER NOT NULL,
  hold INTEGER NOT NULL,              -- 0 placed, 1 draining, 2 lost
  report TEXT,                        -- JSON of what the node's agent said last; NULL: nothing yet
  is_report_new INTEGER NOT NULL,     -- the VM's own row does not know of it yet
  created_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, vm_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pool_reservation_by_node ON pool_reservation (tenant_id, node_id);

-- The VMs to be compared with their reservations, since one of the two has changed: a row of the namespace where it has.
CREATE TABLE pool_news (
  tenant_id TEXT NOT NULL,
  vm_id BLOB NOT NULL,
  pool_id TEXT NOT NULL,              -- the tenant that has the reservation
  number INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, vm_id)
) STRICT, WITHOUT ROWID;

-- The VMs that wait for room, whosever they are: nothing else is in it, so that looking for them costs nothing where
-- none does. What they ask for is in it too: those that fit nowhere are passed over without their rows.
CREATE INDEX vm_waiting ON vm (tenant_id, vm_id, ram_mb, vcpus, disk_gb)
  WHERE node_id IS NULL AND state = 0 AND wish = 0;
