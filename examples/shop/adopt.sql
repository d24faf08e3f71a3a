-- Migrations 001 to 004 were run long ago, before confiture came: not confiture's to run again.
SELECT confiture.unregister_migration(version)
  FROM unnest(ARRAY['001', '002', '003', '004']) AS version;
