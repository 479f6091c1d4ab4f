-- What `rpm` caveats count, for the element that bears one: a window of the last minute.
CREATE TABLE caveat_rate (
  tenant_id TEXT NOT NULL,
  rid BLOB NOT NULL,
  budget BLOB NOT NULL,               -- domain/rate_budget.h encodes it
  PRIMARY KEY (tenant_id, rid)
) STRICT, WITHOUT ROWID;
