-- confiture: no-transaction
DROP INDEX CONCURRENTLY shop.orders_tenant_id_placed_at_idx;
