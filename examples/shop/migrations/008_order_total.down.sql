-- The total is again what its lines add up to.
ALTER TABLE shop.orders
    DROP COLUMN total_cents;
