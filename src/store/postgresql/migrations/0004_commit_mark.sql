-- Which commit of each writing thread was its last. After a crash the database may give the number of a transaction that
-- was lost to another one, so pg_xact_status alone does not tell whether a commit happened.
CREATE TABLE commit_mark (
  writer bytea NOT NULL,              -- drawn by each thread when it starts
  number bigint NOT NULL,
  noted_at bigint NOT NULL,
  PRIMARY KEY (writer)
);
