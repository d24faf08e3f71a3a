-- Nothing is PUBLIC's: who may use confiture is told by GRANT.
REVOKE ALL ON ALL ROUTINES IN SCHEMA confiture FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA confiture FROM PUBLIC;
