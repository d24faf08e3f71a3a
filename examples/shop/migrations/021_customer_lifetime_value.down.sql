-- Can be computed again from the orders at any time.
DROP TABLE shop.r_customer_lifetime_value;
