-- Nobody has sent a fax since 2019.  The column is gone at once, its bytes with the next rewrite.
-- confiture: lock_timeout=1s
ALTER TABLE shop.customers
    DROP COLUMN fax_number;
