-- Sales by tenant and day, for the dashboards; the unique index lets it be refreshed while it is read.
CREATE MATERIALIZED VIEW shop.r_daily_sales AS
SELECT tenant_id,
       (placed_at AT TIME ZONE 'UTC')::date AS day,
       count(*) AS order_count,
       sum(total_cents) AS total_cents
  FROM shop.orders
 WHERE status <> 'cancelled'
 GROUP BY tenant_id, day;

CREATE UNIQUE INDEX r_daily_sales_tenant_id_day_idx ON shop.r_daily_sales (tenant_id, day);
COMMENT ON MATERIALIZED VIEW shop.r_daily_sales IS 'Read model: sales by tenant and day';
