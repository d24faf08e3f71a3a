-- An order with its customer's name, for the support desk.
CREATE VIEW shop.r_order_summary AS
SELECT orders.id,
       orders.tenant_id,
       orders.placed_at,
       orders.status,
       orders.total_cents,
       customers.full_name AS customer_name
  FROM shop.orders
  JOIN shop.customers ON customers.id = orders.customer_id;
COMMENT ON VIEW shop.r_order_summary IS 'Read model: orders as the support desk lists them';
