-- What a customer is worth, for the support desk: a read model, filled from the orders of one tenant after the other.
-- The backfill travels with the migration and runs in its transaction.
CREATE TABLE shop.r_customer_lifetime_value (
    tenant_id integer NOT NULL REFERENCES shop.tenants,
    customer_id integer NOT NULL REFERENCES shop.customers,
    orders bigint NOT NULL,
    lifetime_value bigint NOT NULL,
    last_order_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, customer_id)
);
COMMENT ON TABLE shop.r_customer_lifetime_value IS 'Read model: what each customer has ordered, in cents, without what was cancelled';

-- confiture: hook=backfill_read_model phase=AFTER_DDL name="fill customer lifetime value" config={"target": "shop.r_customer_lifetime_value", "batches": "SELECT id FROM shop.tenants ORDER BY id", "batch_column": "tenant_id", "select": "SELECT tenant_id, customer_id, count(*), sum(total_cents), max(placed_at) FROM shop.orders WHERE tenant_id = $1 AND status <> 'cancelled' GROUP BY tenant_id, customer_id"}
-- confiture: hook=verify_consistency phase=AFTER_VALIDATION name="every customer with orders has a value" config={"source": "SELECT DISTINCT tenant_id, customer_id FROM shop.orders WHERE status <> 'cancelled'", "target": "shop.r_customer_lifetime_value", "key": ["tenant_id", "customer_id"]}
