-- Brings the column back, not the numbers.
ALTER TABLE shop.customers
    ADD COLUMN fax_number text;
