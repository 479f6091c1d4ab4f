-- A namespace's revocations are numbered, so that a process that knows the first of them asks for the others only. A
-- program from before cannot number any: it has no default.
ALTER TABLE revocation ADD COLUMN seq bigint;
UPDATE revocation r SET seq = n.seq FROM (
  SELECT tenant_id, kind, id, row_number() OVER (PARTITION BY tenant_id ORDER BY revoked_at, kind, id) AS seq
  FROM revocation) AS n
WHERE r.tenant_id = n.tenant_id AND r.kind = n.kind AND r.id = n.id;
ALTER TABLE revocation ALTER COLUMN seq SET NOT NULL;
CREATE UNIQUE INDEX revocation_by_seq ON revocation (tenant_id, seq);
