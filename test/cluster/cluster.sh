# Throw-away clusters, for bash: `source` this, then start_cluster; they end and vanish with the script.
#   start_cluster [setting=value]...   a new cluster; psql and every client then talk to it
#   start_standby [setting=value]...   a hot standby of the cluster last started, which becomes the one talked to
#   use_cluster N                      talk to the Nth one started, counting from 1
#   stop_cluster                       end and remove all; runs on EXIT, call it from a trap of your own
# PG_CONFIG, or PGBIN, says which PostgreSQL.  Root starts servers as the user postgres.  Only a Unix socket in a private
# folder is listened on, unless settings (port and listen_addresses, with an hba_file that asks for passwords) say otherwise.
# The superuser is postgres, without a password.

PGBIN=${PGBIN:-$("${PG_CONFIG:-pg_config}" --bindir)}
export PGBIN
cluster_folders=()

# The server refuses to run as root.
as_server_user() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --init-groups "$@"
    else
        "$@"
    fi
}

new_cluster_folder() {
    cluster_folder=$(mktemp -d "${TMPDIR:-/tmp}/confiture.XXXXXX")
    if [ "$(id -u)" -eq 0 ]; then chown postgres: "$cluster_folder"; fi
    cluster_folders+=("$cluster_folder")
    trap stop_cluster EXIT
}

use_cluster() {
    cluster_folder=${cluster_folders[$1 - 1]}
    PGPORT=$(sed -n "s/^port = '\(.*\)'/\1/p" "$cluster_folder/settings" | tail -n 1)
    export PGHOST=$cluster_folder PGPORT PGUSER=postgres PGDATABASE=postgres
    unset PGSERVICE PGHOSTADDR PGPASSWORD PGOPTIONS
}

launch_cluster() {
    local setting
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$cluster_folder'"
        echo "port = '5432'"
        echo "fsync = off"
        for setting in "$@"; do echo "${setting%%=*} = '${setting#*=}'"; done
    } >"$cluster_folder/settings"
    as_server_user tee -a "$cluster_folder/data/postgresql.conf" <"$cluster_folder/settings" >/dev/null
    # The server keeps no descriptor of ours: a reader of our output would wait for it forever.
    if ! (cd / && as_server_user "$PGBIN/pg_ctl" -D "$cluster_folder/data" -l "$cluster_folder/log" -w -t 120 start \
        </dev/null >"$cluster_folder/start" 2>&1); then
        cat "$cluster_folder/start" "$cluster_folder/log" >&2
        return 1
    fi
    use_cluster ${#cluster_folders[@]}
}

start_cluster() {
    new_cluster_folder
    (cd / && as_server_user "$PGBIN/initdb" -D "$cluster_folder/data" -U postgres --auth=trust --no-locale \
        --encoding=UTF8 --no-sync </dev/null >"$cluster_folder/initdb" 2>&1) || {
        cat "$cluster_folder/initdb" >&2
        return 1
    }
    launch_cluster "$@"
}

start_standby() {
    local primary=$cluster_folder
    new_cluster_folder
    (cd / && as_server_user "$PGBIN/pg_basebackup" -h "$primary" -p "$PGPORT" -U postgres -D "$cluster_folder/data" \
        --write-recovery-conf --checkpoint=fast --no-sync </dev/null) || return 1
    launch_cluster "$@"
}

stop_cluster() {
    local folder
    # The youngest first: a standby before its primary.
    while [ ${#cluster_folders[@]} -gt 0 ]; do
        folder=${cluster_folders[-1]}
        unset 'cluster_folders[-1]'
        if [ -e "$folder/data/postmaster.pid" ]; then
            (cd / && as_server_user "$PGBIN/pg_ctl" -D "$folder/data" -m immediate -w -t 60 stop >/dev/null 2>&1) || true
        fi
        rm -rf "$folder"
    done
}

psql() {
    "$PGBIN/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}
