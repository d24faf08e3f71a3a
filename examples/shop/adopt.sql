-- Migrations 001 to 004 were run long ago, before confiture came: not confiture's to run again.
SELECT version,
       name
  FROM confiture.baseline('004');
