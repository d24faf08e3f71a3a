CREATE FUNCTION confiture.trust(kind text, name text)
RETURNS integer
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_trust';
COMMENT ON FUNCTION confiture.trust(text, text) IS 'Declares that the current role trusts code of others as it stands now: kind hook or migration, name that of the hook or the version, or * for all that are registered now and not trusted anyway. C functions are trusted by nobody: their registrar is a superuser. What is replaced afterwards is refused again. Returns how many were pinned. Errors: MG004 for an unknown version, MG016 for an unknown kind or hook.';

CREATE FUNCTION confiture.untrust(kind text, name text)
RETURNS integer
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_untrust';
COMMENT ON FUNCTION confiture.untrust(text, text) IS 'Takes back what the current role declared by trust(), also of what is registered no more; * for all of that kind. Returns how many pins there were. Errors: MG004 for an unknown version, MG016 for an unknown kind or hook.';
