-- Dry-runs a script that breaks a rule of the team: a hook of hooks.sql refuses it.
\x on
SELECT success,
       stats #>> '{error,message}' AS message,
       stats #>> '{error,detail}' AS detail,
       stats #>> '{error,hint}' AS hint
  FROM confiture.dry_run_sql('CREATE TABLE shop.coupons (code text PRIMARY KEY, percent integer NOT NULL)');
\x off
