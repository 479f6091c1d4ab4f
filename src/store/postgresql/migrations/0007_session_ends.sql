-- Sessions whose time is over are found without looking at the others.
CREATE INDEX session_by_end ON session
  ((CASE WHEN idle_s > 0 THEN least(expires_at, seen_at + idle_s * 1000) ELSE expires_at END), tenant_id, session_id);
