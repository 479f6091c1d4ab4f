-- The machines that run VMs, each held by one tenant or, in the shared pool, by the platform. A VM's `details` may also
-- have `generation` and `reboots`, where they are not 1 and 0.
CREATE TABLE node (
  tenant_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  subject_key BLOB NOT NULL,
  hostname TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  ram_total_mb INTEGER NOT NULL,
  ram_used_mb INTEGER NOT NULL,
  cores INTEGER NOT NULL,
  cpu_load_pct INTEGER NOT NULL,
  disk_total_gb INTEGER NOT NULL,
  disk_used_gb INTEGER NOT NULL,
  kvm_available INTEGER NOT NULL,
  reserved INTEGER NOT NULL,
  cordoned INTEGER NOT NULL,
  placed_vms INTEGER NOT NULL CHECK (placed_vms >= 0),
  placed_storage_gb INTEGER NOT NULL CHECK (placed_storage_gb >= 0),
  placed_ram_mb INTEGER NOT NULL CHECK (placed_ram_mb >= 0),
  placed_vcpus INTEGER NOT NULL CHECK (placed_vcpus >= 0),
  wishes INTEGER NOT NULL,
  enrolled_at INTEGER NOT NULL,
  last_heartbeat INTEGER,             -- NULL: none has come yet
  revision INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, node_id)
) STRICT, WITHOUT ROWID;

-- How many nodes a namespace holds: a create looks for room only where there can be any.
ALTER TABLE tenant ADD COLUMN node_count INTEGER NOT NULL DEFAULT 0;
