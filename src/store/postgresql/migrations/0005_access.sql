-- What access is made of besides tokens: devices, challenges, sessions, links seen in use, counters of caveats, and the
-- issuer keys, which are the platform's.

ALTER TABLE tenant ADD COLUMN access_changes bigint NOT NULL DEFAULT 0;
ALTER TABLE vm ADD COLUMN charged_to bytea;      -- revocation ids of 32 bytes, one after the other; NULL: none
ALTER TABLE token ADD COLUMN parent bytea;       -- a revocation id; NULL: issued by a local command
ALTER TABLE token ADD COLUMN first_seen bigint;
ALTER TABLE token ADD COLUMN last_seen bigint;

CREATE TABLE device (
  tenant_id text COLLATE "C" NOT NULL,
  device_id text COLLATE "C" NOT NULL,
  subject_key bytea NOT NULL,
  state bigint NOT NULL,              -- 0 pending, 1 enrolled
  scope text NOT NULL,
  token_id text NOT NULL,             -- empty while pending
  enrolled_at bigint NOT NULL,
  enrolled_by text NOT NULL,
  approved_at bigint,
  approved_by text NOT NULL,
  renewed_at bigint NOT NULL,
  revision bigint NOT NULL,
  PRIMARY KEY (tenant_id, device_id)
);

CREATE TABLE challenge (
  tenant_id text COLLATE "C" NOT NULL,
  challenge_id bytea NOT NULL,        -- SHA-256 of the nonce
  kind bigint NOT NULL,               -- 0 enrolment, 1 session
  subject_key bytea NOT NULL,
  device_id text NOT NULL,            -- empty: for a session
  scope text NOT NULL,
  created_by text NOT NULL,
  wrong_attempts bigint NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (tenant_id, challenge_id)
);
CREATE INDEX challenge_by_expiry ON challenge (tenant_id, expires_at);

CREATE TABLE session (
  tenant_id text COLLATE "C" NOT NULL,
  session_id bytea NOT NULL,
  secret_hash bytea NOT NULL,
  csrf_hash bytea NOT NULL,           -- zeros: not a browser's
  token_id text NOT NULL,
  subject_key bytea NOT NULL,
  scope text NOT NULL,
  label text NOT NULL,
  token_grant text NOT NULL,
  rids bytea NOT NULL,                -- revocation ids of 32 bytes, one after the other
  key_thumbprints bytea NOT NULL,     -- of 32 bytes, one after the other
  generation bigint NOT NULL,
  opened_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  idle_s bigint NOT NULL,
  peer text NOT NULL,
  is_browser bigint NOT NULL,
  PRIMARY KEY (tenant_id, session_id)
);

CREATE TABLE seen_link (
  tenant_id text COLLATE "C" NOT NULL,
  rid bytea NOT NULL,
  link_id text NOT NULL,
  parent bytea NOT NULL,              -- a revocation id
  root bytea NOT NULL,                -- a revocation id
  scope text NOT NULL,
  subject_key bytea NOT NULL,
  caveats text NOT NULL,
  depth bigint NOT NULL,
  issued_at bigint NOT NULL,
  not_before bigint NOT NULL,
  expires_at bigint NOT NULL,
  first_seen bigint NOT NULL,
  last_seen bigint NOT NULL,
  PRIMARY KEY (tenant_id, rid)
);

CREATE TABLE caveat_counter (
  tenant_id text COLLATE "C" NOT NULL,
  kind bigint NOT NULL,               -- 0 vms, 1 uses
  rid bytea NOT NULL,
  value bigint NOT NULL CHECK (value > 0),
  PRIMARY KEY (tenant_id, kind, rid)
);

-- Of the platform alone: tenant_id is empty.
CREATE TABLE signing_key (
  tenant_id text COLLATE "C" NOT NULL,
  kid text COLLATE "C" NOT NULL,
  public_key bytea NOT NULL,
  state bigint NOT NULL,              -- 0 next, 1 active, 2 retired, 3 revoked, 4 gone
  created_at bigint NOT NULL,
  activated_at bigint,
  retired_at bigint,
  revoked_at bigint,
  last_expiry bigint NOT NULL,
  PRIMARY KEY (tenant_id, kid)
);
