-- What happened to an order and when, a partition for each quarter so that old ones can be dropped;
-- starts with the orders of the last quarter.
CREATE TABLE shop.order_events (
    order_id bigint NOT NULL,
    tenant_id integer NOT NULL REFERENCES shop.tenants,
    occurred_at timestamptz NOT NULL,
    event text NOT NULL
) PARTITION BY RANGE (occurred_at);

CREATE TABLE shop.order_events_2025_q3 PARTITION OF shop.order_events
    FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-10-01 00:00+00');
CREATE TABLE shop.order_events_2025_q4 PARTITION OF shop.order_events
    FOR VALUES FROM ('2025-10-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE shop.order_events_2026_q1 PARTITION OF shop.order_events
    FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-04-01 00:00+00');
CREATE TABLE shop.order_events_other PARTITION OF shop.order_events DEFAULT;

INSERT INTO shop.order_events (order_id, tenant_id, occurred_at, event)
SELECT id, tenant_id, placed_at, 'placed'
  FROM shop.orders
 WHERE placed_at >= '2025-10-01 00:00+00';

CREATE INDEX order_events_order_id_idx ON shop.order_events (order_id);
