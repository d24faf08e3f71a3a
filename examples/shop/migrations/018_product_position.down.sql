-- The arrangement of the products is lost; the constraint goes with its column.
ALTER TABLE shop.products
    DROP COLUMN position;
