-- The total of an order, so that lists of orders need not read their lines: a new column, filled for
-- every order that exists.
ALTER TABLE shop.orders
    ADD COLUMN total_cents bigint;

UPDATE shop.orders
   SET total_cents = item.total_cents
  FROM (SELECT order_id, sum(quantity::bigint * unit_price_cents) AS total_cents
          FROM shop.order_items
         GROUP BY order_id) AS item
 WHERE item.order_id = orders.id;
