-- A namespace's revocations are numbered, so that a process that knows the first of them asks for the others only.
ALTER TABLE revocation ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
UPDATE revocation SET seq = n.seq FROM (
  SELECT tenant_id, kind, id, row_number() OVER (PARTITION BY tenant_id ORDER BY revoked_at, kind, id) AS seq
  FROM revocation) AS n
WHERE revocation.tenant_id = n.tenant_id AND revocation.kind = n.kind AND revocation.id = n.id;
CREATE UNIQUE INDEX revocation_by_seq ON revocation (tenant_id, seq);
