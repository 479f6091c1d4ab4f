-- The machines that run VMs, each held by one tenant or, in the shared pool, by the platform. Pages are left half empty,
-- for every heartbeat and every VM that is placed makes a new version of a row. A VM's `details` may also have
-- `generation` and `reboots`, where they are not 1 and 0.
CREATE TABLE node (
  tenant_id text COLLATE "C" NOT NULL,
  node_id text COLLATE "C" NOT NULL,
  device_id text NOT NULL,
  subject_key bytea NOT NULL,
  hostname text NOT NULL,
  boot_id text NOT NULL,
  ram_total_mb bigint NOT NULL,
  ram_used_mb bigint NOT NULL,
  cores bigint NOT NULL,
  cpu_load_pct bigint NOT NULL,
  disk_total_gb bigint NOT NULL,
  disk_used_gb bigint NOT NULL,
  kvm_available bigint NOT NULL,
  reserved bigint NOT NULL,
  cordoned bigint NOT NULL,
  placed_vms bigint NOT NULL CHECK (placed_vms >= 0),
  placed_storage_gb bigint NOT NULL CHECK (placed_storage_gb >= 0),
  placed_ram_mb bigint NOT NULL CHECK (placed_ram_mb >= 0),
  placed_vcpus bigint NOT NULL CHECK (placed_vcpus >= 0),
  wishes bigint NOT NULL,
  enrolled_at bigint NOT NULL,
  last_heartbeat bigint,              -- NULL: none has come yet
  revision bigint NOT NULL,
  PRIMARY KEY (tenant_id, node_id)
) WITH (fillfactor = 50);

-- How many nodes a namespace holds: a create looks for room only where there can be any.
ALTER TABLE tenant ADD COLUMN node_count bigint NOT NULL DEFAULT 0;
