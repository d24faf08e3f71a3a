CREATE PROCEDURE confiture.up(target text DEFAULT NULL, steps integer DEFAULT NULL, INOUT applied integer DEFAULT NULL, INOUT current_version text DEFAULT NULL, INOUT execution_time_ms double precision DEFAULT NULL, INOUT next_command text DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_up';
COMMENT ON PROCEDURE confiture.up(text, integer, integer, text, double precision, text) IS 'Applies what is pending, in order: all, up to the version target, or so many migrations as steps says. Each step of a migration is committed together with its record; returns how many were applied, the last version, the time in milliseconds and the next command to type. One at a time in a database. Errors: MG002 to MG010, MG015 to MG017, and those of a failing statement with the SQLSTATE that it has.';

CREATE PROCEDURE confiture.down(target text DEFAULT NULL, steps integer DEFAULT NULL, INOUT reverted integer DEFAULT NULL, INOUT current_version text DEFAULT NULL, INOUT execution_time_ms double precision DEFAULT NULL, INOUT next_command text DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_down';
COMMENT ON PROCEDURE confiture.down(text, integer, integer, text, double precision, text) IS 'Reverts the migration that is applied last, all that come after the version target, or so many as steps says; where one of them has no backward script nothing is touched. Returns how many were reverted, the last version that is applied now, the time in milliseconds and the next command to type. Errors: as of up(), and MG014.';

CREATE PROCEDURE confiture.redo(INOUT applied integer DEFAULT NULL, INOUT current_version text DEFAULT NULL, INOUT execution_time_ms double precision DEFAULT NULL, INOUT next_command text DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_redo';
COMMENT ON PROCEDURE confiture.redo(integer, text, double precision, text) IS 'Reverts the migration that is applied last and applies it again. Returns what up() returns. Errors: as of down().';

CREATE FUNCTION confiture.apply(INOUT version text, OUT name text, OUT statements integer, OUT execution_time_ms double precision)
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_apply';
COMMENT ON FUNCTION confiture.apply(text) IS 'Applies one migration in the transaction of the caller, who commits it; it holds the migrator lock until then, and its record is kept if and only if it commits. One attempt: it waits for locks as up() does, and does not try again. Errors: MG010 for a migration of more than one transaction, MG002 to MG010, MG015 to MG017, and those of a failing statement with the SQLSTATE that it has.';

CREATE FUNCTION confiture.revert(INOUT version text, OUT name text, OUT statements integer, OUT execution_time_ms double precision)
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_revert';
COMMENT ON FUNCTION confiture.revert(text) IS 'Reverts one migration in the transaction of the caller, as apply() applies it. Errors: as of apply(), and MG014 where it has no backward script.';

CREATE FUNCTION confiture.baseline(through text, OUT version text, OUT name text)
RETURNS SETOF record
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_baseline';
COMMENT ON FUNCTION confiture.baseline(text) IS 'Marks the migrations up to this one as applied without running them, for a database that has their changes already; returns those that it marked. Errors: MG004, MG008.';

CREATE FUNCTION confiture.repair(INOUT version text DEFAULT NULL, verdict text DEFAULT NULL, OUT direction text, OUT step integer, OUT steps integer, OUT command text, OUT state text, OUT detail text, OUT next_command text)
RETURNS SETOF record
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_repair';
COMMENT ON FUNCTION confiture.repair(text, text) IS 'Settles what was cut off in its middle: of each step whose outcome is not known, in all migrations or in this one, the catalog is asked, leftovers are removed, and the answer is written down: done, not done or unknown. Where nobody else knows, verdict says it: done or not done for that step; applied or reverted where the migration was finished or undone by hand, which the history then says; abandon to forget all steps of a migration that was brought back to where it began. Errors: MG004, MG008, MG015 where leftovers cannot be removed, MG016.';

CREATE FUNCTION confiture.verify(OUT version text, OUT name text, OUT state text, OUT detail text)
RETURNS SETOF record
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_verify';
COMMENT ON FUNCTION confiture.verify() IS 'Looks at every migration that is applied: changed or missing where its registration differs from what was applied; else its verify script is run in a savepoint that is rolled back: verified, failed (detail has the error), or unverified where it has none.';
