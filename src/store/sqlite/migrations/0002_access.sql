-- What access is made of besides tokens: devices, challenges, sessions, links seen in use, counters of caveats, and the
-- issuer keys, which are the platform's.

ALTER TABLE tenant ADD COLUMN access_changes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vm ADD COLUMN charged_to BLOB;       -- revocation ids of 32 bytes, one after the other; NULL: none
ALTER TABLE token ADD COLUMN parent BLOB;        -- a revocation id; NULL: issued by a local command
ALTER TABLE token ADD COLUMN first_seen INTEGER;
ALTER TABLE token ADD COLUMN last_seen INTEGER;

CREATE TABLE device (
  tenant_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  subject_key BLOB NOT NULL,
  state INTEGER NOT NULL,             -- 0 pending, 1 enrolled
  scope TEXT NOT NULL,
  token_id TEXT NOT NULL,             -- empty while pending
  enrolled_at INTEGER NOT NULL,
  enrolled_by TEXT NOT NULL,
  approved_at INTEGER,
  approved_by TEXT NOT NULL,
  renewed_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, device_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE challenge (
  tenant_id TEXT NOT NULL,
  challenge_id BLOB NOT NULL,         -- SHA-256 of the nonce
  kind INTEGER NOT NULL,              -- 0 enrolment, 1 session
  subject_key BLOB NOT NULL,
  device_id TEXT NOT NULL,            -- empty: for a session
  scope TEXT NOT NULL,
  created_by TEXT NOT NULL,
  wrong_attempts INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, challenge_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX challenge_by_expiry ON challenge (tenant_id, expires_at);

CREATE TABLE session (
  tenant_id TEXT NOT NULL,
  session_id BLOB NOT NULL,
  secret_hash BLOB NOT NULL,
  csrf_hash BLOB NOT NULL,            -- zeros: not a browser's
  token_id TEXT NOT NULL,
  subject_key BLOB NOT NULL,
  scope TEXT NOT NULL,
  label TEXT NOT NULL,
  token_grant TEXT NOT NULL,
  rids BLOB NOT NULL,                 -- revocation ids of 32 bytes, one after the other
  key_thumbprints BLOB NOT NULL,      -- of 32 bytes, one after the other
  generation INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  idle_s INTEGER NOT NULL,
  peer TEXT NOT NULL,
  is_browser INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, session_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_link (
  tenant_id TEXT NOT NULL,
  rid BLOB NOT NULL,
  link_id TEXT NOT NULL,
  parent BLOB NOT NULL,               -- a revocation id
  root BLOB NOT NULL,                 -- a revocation id
  scope TEXT NOT NULL,
  subject_key BLOB NOT NULL,
  caveats TEXT NOT NULL,
  depth INTEGER NOT NULL,
  issued_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, rid)
) STRICT, WITHOUT ROWID;

CREATE TABLE caveat_counter (
  tenant_id TEXT NOT NULL,
  kind INTEGER NOT NULL,              -- 0 vms, 1 uses
  rid BLOB NOT NULL,
  value INTEGER NOT NULL CHECK (value > 0),
  PRIMARY KEY (tenant_id, kind, rid)
) STRICT, WITHOUT ROWID;

-- Of the platform alone: tenant_id is empty.
CREATE TABLE signing_key (
  tenant_id TEXT NOT NULL,
  kid TEXT NOT NULL,
  public_key BLOB NOT NULL,
  state INTEGER NOT NULL,             -- 0 next, 1 active, 2 retired, 3 revoked, 4 gone
  created_at INTEGER NOT NULL,
  activated_at INTEGER,
  retired_at INTEGER,
  revoked_at INTEGER,
  last_expiry INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, kid)
) STRICT, WITHOUT ROWID;
