-- Fills the tables of migrations 001 to 004: psql -v rows=1000000 -f generate.sql
--
-- The same rows every time: keys and values come from arithmetic on the row number, dates run from
-- January 2024 to December 2025.  Foreign keys hold by construction, which is why they are not checked
-- row by row here; that takes a superuser.
\if :{?rows}
\else
    \set rows 1000000
\endif

BEGIN;
SET LOCAL session_replication_role = replica;
SET LOCAL timezone = 'UTC';

-- Some tenants typed their VAT rate in a way that is not a number.
INSERT INTO shop.tenants (id, name, vat_text, created_at)
SELECT number,
       'Tenant ' || number,
       CASE WHEN number % 10 = 7 THEN 'exempt' WHEN number % 4 = 0 THEN '5,5 %' ELSE '20' END,
       timestamptz '2023-01-01' + number * interval '7 days'
  FROM generate_series(1, 25) AS number;

-- Ten orders a customer; customer and tenant of a row are congruent modulo the number of tenants.
INSERT INTO shop.customers (id, tenant_id, email, full_name, country, created_at, fax_number)
SELECT number,
       1 + (number - 1) % 25,
       'customer' || number || '@example.com',
       'Customer ' || number,
       (ARRAY['FR', 'DE', 'ES', 'IT', 'BE'])[1 + number % 5],
       timestamptz '2023-06-01' + (number % 200) * interval '1 day',
       CASE WHEN number % 50 = 0 THEN '+33 1 ' || lpad((number % 100000000)::text, 8, '0') END
  FROM generate_series(1, greatest(:rows / 10 / 25, 1) * 25) AS number;

INSERT INTO shop.products (id, tenant_id, sku, name, price_cents, active)
SELECT number,
       1 + (number - 1) % 25,
       'SKU-' || lpad(number::text, 6, '0'),
       'Product ' || (number * 7919) % 5000,
       100 + (number * 37) % 9900,
       number % 20 <> 0
  FROM generate_series(1, 5000) AS number;

INSERT INTO shop.orders (id, tenant_id, customer_id, status, placed_at)
SELECT number,
       1 + number % 25,
       1 + number % 25 + 25 * ((number::bigint * 7919) % greatest(:rows / 10 / 25, 1)),
       CASE WHEN number % 20 = 0 THEN 'new'
            WHEN number % 20 = 1 THEN 'cancelled'
            WHEN number % 20 < 5 THEN 'paid'
            WHEN number % 20 < 8 THEN 'shipped'
            ELSE 'delivered' END,
       timestamptz '2024-01-01' + number * (interval '730 days' / greatest(:rows, 1))
  FROM generate_series(1, :rows) AS number;

-- One to three lines an order, two on average.
INSERT INTO shop.order_items (order_id, line_number, product_id, quantity, unit_price_cents)
SELECT number,
       line,
       product,
       1 + (number + line) % 4,
       100 + (product * 37) % 9900
  FROM generate_series(1, :rows) AS number
 CROSS JOIN LATERAL generate_series(1, 1 + number % 3) AS line
 CROSS JOIN LATERAL (SELECT 1 + number % 25 + 25 * ((number::bigint * 31 + line * 17) % 200) AS product) AS choice;

-- What is neither new nor cancelled was paid.
INSERT INTO shop.payments (id, tenant_id, order_id, method, amount_cents, paid_at)
SELECT row_number() OVER (ORDER BY orders.id),
       orders.tenant_id,
       orders.id,
       (ARRAY['card', 'card', 'card', 'transfer', 'paypal', 'voucher'])[1 + orders.id % 6],
       item.amount_cents,
       orders.placed_at + interval '5 minutes'
  FROM shop.orders
  JOIN (SELECT order_id, sum(quantity::bigint * unit_price_cents) AS amount_cents
          FROM shop.order_items
         GROUP BY order_id) AS item ON item.order_id = orders.id
 WHERE orders.status NOT IN ('new', 'cancelled')
 ORDER BY orders.id;

SELECT setval(pg_get_serial_sequence('shop.tenants', 'id'), (SELECT max(id) FROM shop.tenants)),
       setval(pg_get_serial_sequence('shop.customers', 'id'), (SELECT max(id) FROM shop.customers)),
       setval(pg_get_serial_sequence('shop.products', 'id'), (SELECT max(id) FROM shop.products)),
       setval(pg_get_serial_sequence('shop.orders', 'id'), (SELECT max(id) FROM shop.orders)),
       setval(pg_get_serial_sequence('shop.payments', 'id'), (SELECT max(id) FROM shop.payments))
\g /dev/null
COMMIT;

-- VACUUM too: the first reader would otherwise set the hint bits of every row, inside somebody's
-- measurement.
VACUUM (ANALYZE) shop.tenants, shop.customers, shop.products, shop.orders, shop.order_items, shop.payments,
                 shop.audit_log;
