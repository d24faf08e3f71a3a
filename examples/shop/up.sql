-- Applies everything that is pending, and shows what it took and what it locked: the dry run told it before.
SET client_min_messages = notice;
CALL confiture.up();

SELECT h.version, h.name, round(extract(epoch FROM h.finished_at - h.started_at)::numeric * 1000, 1) AS ms,
       h.statements_done AS statements, h.locks->0->>'table' AS "table locked most", h.locks->0->>'mode' AS mode,
       (h.locks->0->>'held_ms')::numeric(12, 1) AS held_ms
  FROM confiture.history h
 WHERE h.action = 'forward'
 ORDER BY h.id;
