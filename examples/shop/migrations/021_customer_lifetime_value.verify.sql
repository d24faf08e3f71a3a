-- A sample of customers has the value of its orders.
DO $$
DECLARE
    wrong bigint;
BEGIN
    SELECT count(*)
      INTO wrong
      FROM (SELECT * FROM shop.r_customer_lifetime_value ORDER BY customer_id DESC LIMIT 100) AS sample
     WHERE (sample.orders, sample.lifetime_value, sample.last_order_at) IS DISTINCT FROM (
               SELECT (count(*), sum(total_cents)::bigint, max(placed_at))
                 FROM shop.orders
                WHERE customer_id = sample.customer_id
                  AND status <> 'cancelled');
    IF wrong > 0 THEN
        RAISE EXCEPTION '% of 100 customers have a wrong lifetime value', wrong;
    END IF;
END
$$;
