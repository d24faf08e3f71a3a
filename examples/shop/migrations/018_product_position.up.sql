-- Tenants arrange their products by hand.  The constraint is deferred, so that two products can swap
-- places; it is checked when the transaction ends.
ALTER TABLE shop.products
    ADD COLUMN position integer;

UPDATE shop.products
   SET position = numbered.position
  FROM (SELECT id, row_number() OVER (PARTITION BY tenant_id ORDER BY name, id) AS position
          FROM shop.products) AS numbered
 WHERE numbered.id = products.id;

ALTER TABLE shop.products
    ALTER COLUMN position SET NOT NULL,
    ADD CONSTRAINT products_tenant_id_position_key UNIQUE (tenant_id, position)
        DEFERRABLE INITIALLY DEFERRED;

-- The two products at the top of each shop window change places.
UPDATE shop.products
   SET position = 3 - position
 WHERE position IN (1, 2);
