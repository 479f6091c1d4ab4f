-- What VMs are made from, who may log in to them, and what they last said. The platform's images are offered to all.
CREATE TABLE image (
  tenant_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  format bigint NOT NULL,             -- 0 qcow2, 1 raw, 2 kernel
  url text NOT NULL,
  sha256 bytea NOT NULL,
  size_bytes bigint NOT NULL,
  initrd_url text,                    -- NULL, and the next two: none
  initrd_sha256 bytea,
  initrd_size_bytes bigint,
  cmdline text NOT NULL,              -- empty: none
  min_disk_gb bigint NOT NULL,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (tenant_id, name)
);

CREATE TABLE ssh_key (
  tenant_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  public_key text NOT NULL,           -- a line of authorized_keys without options
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (tenant_id, name)
);

-- The last 64 KiB of each guest's serial console, beside its VM and not in it: lists of VMs do not read them.
CREATE TABLE vm_console (
  tenant_id text COLLATE "C" NOT NULL,
  vm_id bytea NOT NULL,
  bytes bytea NOT NULL CHECK (length(bytes) <= 65536),
  updated_at bigint NOT NULL,
  PRIMARY KEY (tenant_id, vm_id)
);
