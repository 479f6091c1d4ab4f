-- The published files of the logs (docs/LEDGER.md section 3), below each log's own folder.
CREATE TABLE published_file (
  tenant_id text COLLATE "C" NOT NULL,
  log_id bytea NOT NULL,
  path text COLLATE "C" NOT NULL,     -- checkpoint, tile/0/000
  bytes bytea NOT NULL,
  shown bigint,                       -- of a checkpoint: which showing put it in place
  PRIMARY KEY (tenant_id, log_id, path)
);
ALTER TABLE published_file ALTER COLUMN bytes SET STORAGE EXTERNAL;  -- hashes; and nobody waits for a compression
CREATE INDEX published_file_shown ON published_file (shown, tenant_id) WHERE shown IS NOT NULL;

-- Who publishes. Every write of a published file or a checkpoint changes this row first, and only who has its fencing
-- number can.
CREATE TABLE publisher_lease (
  id bigint NOT NULL,
  fence bigint NOT NULL,              -- raised whenever the lease changes hands
  expires_at bigint NOT NULL,
  shown bigint NOT NULL,              -- how often checkpoints were put in place
  PRIMARY KEY (id)
);
INSERT INTO publisher_lease VALUES (1, 0, 0, 0);
