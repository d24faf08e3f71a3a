-- The method of a payment is one of four, not any text.  Rewrites payments.
CREATE TYPE shop.payment_method AS ENUM ('card', 'transfer', 'paypal', 'voucher');

ALTER TABLE shop.payments
    ALTER COLUMN method TYPE shop.payment_method USING method::shop.payment_method;
