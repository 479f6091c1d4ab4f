-- What of each tenant's rate is leased to whom (docs/decisions/0010).
CREATE TABLE rate_budget (
  tenant_id text COLLATE "C" NOT NULL,
  budget bytea NOT NULL,              -- domain/rate_budget.h encodes it
  PRIMARY KEY (tenant_id)
);
