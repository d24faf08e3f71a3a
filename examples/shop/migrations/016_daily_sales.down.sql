-- Can be computed again from the orders at any time.
DROP MATERIALIZED VIEW shop.r_daily_sales;
