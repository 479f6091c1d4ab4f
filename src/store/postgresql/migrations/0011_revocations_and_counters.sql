-- A namespace's revocations are numbered, so that a process that knows the first of them asks for the others only. A
-- program from before cannot number any: it has no default.
ALTER TABLE revocation ADD COLUMN seq bigint;
UPDATE revocation r SET seq = n.seq FROM (
  SELECT tenant_id, kind, id, row_number() OVER (PARTITION BY tenant_id ORDER BY revoked_at, kind, id) AS seq
  FROM revocation) AS n
WHERE r.tenant_id = n.tenant_id AND r.kind = n.kind AND r.id = n.id;
ALTER TABLE revocation ALTER COLUMN seq SET NOT NULL;
CREATE UNIQUE INDEX revocation_by_seq ON revocation (tenant_id, seq);

-- What `uses` and `rpm` caveats have counted goes some time after the end of the element that bears them. NULL: counts
-- VMs, or the element is not in the register and was not used since; such a row stays.
ALTER TABLE caveat_counter ADD COLUMN expires_at bigint;
ALTER TABLE caveat_rate ADD COLUMN expires_at bigint;
UPDATE caveat_counter AS c SET expires_at = coalesce(
  (SELECT t.expires_at FROM token t WHERE t.tenant_id = c.tenant_id AND t.rid = c.rid),
  (SELECT l.expires_at FROM seen_link l WHERE l.tenant_id = c.tenant_id AND l.rid = c.rid)) WHERE c.kind = 1;
UPDATE caveat_rate AS c SET expires_at = coalesce(
  (SELECT t.expires_at FROM token t WHERE t.tenant_id = c.tenant_id AND t.rid = c.rid),
  (SELECT l.expires_at FROM seen_link l WHERE l.tenant_id = c.tenant_id AND l.rid = c.rid));
CREATE INDEX caveat_counter_by_end ON caveat_counter (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX caveat_rate_by_end ON caveat_rate (expires_at) WHERE expires_at IS NOT NULL;
