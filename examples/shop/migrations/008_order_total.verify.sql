-- A sample of orders has the total of its lines.
DO $$
DECLARE
    wrong bigint;
BEGIN
    SELECT count(*)
      INTO wrong
      FROM (SELECT id, total_cents FROM shop.orders ORDER BY id DESC LIMIT 1000) AS recent
     WHERE recent.total_cents IS DISTINCT FROM (SELECT sum(quantity::bigint * unit_price_cents)
                                                  FROM shop.order_items
                                                 WHERE order_id = recent.id);
    IF wrong > 0 THEN
        RAISE EXCEPTION '% of the last 1000 orders have a wrong total', wrong;
    END IF;
END
$$;
