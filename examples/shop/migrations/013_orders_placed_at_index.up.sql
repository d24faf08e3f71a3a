-- A tenant's latest orders, the first page everybody opens.  Built beside the traffic, so outside a
-- transaction.
-- confiture: no-transaction
CREATE INDEX CONCURRENTLY orders_tenant_id_placed_at_idx
    ON shop.orders (tenant_id, placed_at DESC);
