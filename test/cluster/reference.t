#!/bin/bash
# docs/reference.md is what the COMMENTs of this server say, whatever its version; no object can do without one.
set -uo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)

report() {
    local number=$1 name=$2 status=$3
    if [ "$status" -eq 0 ]; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' "$folder/facts"
    fi
}

scripts/reference >"$folder/reference.md" 2>"$folder/facts"
report 1 'every object has a COMMENT and a chapter' $?
diff -u docs/reference.md "$folder/reference.md" >"$folder/facts"
report 2 "docs/reference.md is up to date (else run 'make docs')" $?

# One object without a COMMENT is enough.
source test/cluster/cluster.sh
start_cluster
psql -c 'CREATE EXTENSION confiture'
number=2
for object in 'FUNCTION confiture.plan(text, text)' 'VIEW confiture.status' 'COLUMN confiture.history.error' \
    'TYPE confiture.dry_run_result'; do
    psql -1 -c "COMMENT ON $object IS NULL" -f scripts/reference.sql >/dev/null 2>"$folder/facts"
    grep -q 'without a COMMENT: confiture.' "$folder/facts"
    report $((++number)) "a missing COMMENT on $object is told" $?
done
psql -1 -c 'CREATE OPERATOR confiture.### (leftarg = int, rightarg = int, function = int4pl)' \
    -c 'ALTER EXTENSION confiture ADD OPERATOR confiture.### (int, int)' -f scripts/reference.sql >/dev/null 2>"$folder/facts"
grep -q 'in no chapter .*: operator' "$folder/facts"
report $((++number)) 'an object of a kind that has no chapter is told' $?
rm -rf "$folder"
echo "1..$number"
