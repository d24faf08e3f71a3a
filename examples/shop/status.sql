-- Which migrations are applied, which are to come.
SELECT version,
       name,
       status
  FROM confiture.status;
