-- Back to a database without a shop.
DROP TABLE shop.customers;
DROP TABLE shop.tenants;
DROP SCHEMA shop;
