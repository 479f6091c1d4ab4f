-- What `rpm` caveats count, for the element that bears one: a window of the last minute.
CREATE TABLE caveat_rate (
  tenant_id text COLLATE "C" NOT NULL,
  rid bytea NOT NULL,
  budget bytea NOT NULL,              -- domain/rate_budget.h encodes it
  PRIMARY KEY (tenant_id, rid)
);
