-- What VMs are made from, who may log in to them, and what they last said. The platform's images are offered to all.
CREATE TABLE image (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  format INTEGER NOT NULL,            -- 0 qcow2, 1 raw, 2 kernel
  url TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  size_bytes INTEGER NOT NULL,
  initrd_url TEXT,                    -- NULL, and the next two: none
  initrd_sha256 BLOB,
  initrd_size_bytes INTEGER,
  cmdline TEXT NOT NULL,              -- empty: none
  min_disk_gb INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE ssh_key (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  public_key TEXT NOT NULL,           -- a line of authorized_keys without options
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

-- The last 64 KiB of each guest's serial console, beside its VM and not in it: lists of VMs do not read them.
CREATE TABLE vm_console (
  tenant_id TEXT NOT NULL,
  vm_id BLOB NOT NULL,
  bytes BLOB NOT NULL CHECK (length(bytes) <= 65536),
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, vm_id)
) STRICT, WITHOUT ROWID;
