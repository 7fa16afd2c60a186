#!/bin/sh
# Runs a host until it is switched off; started detached in the host's network namespace and a mount namespace of its own,
# so that no mount of the host is ever visible on the machine and all of them vanish with its processes.
# Arguments: directory of the machine, machine name, NAME=DIRECTORY of what the host is shown, then -- and options for systemd-nspawn.
set -eu
cd "$1"
name=$2
shift 2
limit() { sed -n "s/^$1  *[^ ]*  *\\([^ ]*\\).*/\\1/p" /proc/self/limits | sed s/unlimited/infinity/; }
# Traces of nspawn itself stay in this mount namespace too.
place=/run/systemd/nspawn
mkdir -p $place
mount -t tmpfs -o "mode=755,uid=$KOKUNAI_FIRST_ID,gid=$KOKUNAI_FIRST_ID" tmpfs $place
for group in $KOKUNAI_CONTROL_GROUPS; do
    echo $$ >"$group/cgroup.procs"
done
if [ "$KOKUNAI_FIRST_ID" = 0 ]; then
    mkdir $place/inner
    # Relative names: a lab's directory may hold characters that overlay options cannot.
    mount -t overlay overlay -o index=off,lowerdir=lower,upperdir=disk/upper,workdir=disk/work $place/inner
    while [ "$1" != -- ]; do
        mkdir -p "$place/${1%%=*}"
        mount --bind "${1#*=}" "$place/${1%%=*}"
        shift
    done
    shift
    # Root of the host is root of the machine here: it makes no device nodes, and mounts are all that hides the rest.
    enter= mask=--drop-capability=CAP_MKNOD
else
    for group in $KOKUNAI_CONTROL_GROUPS; do
        for file in "$group" "$group/cgroup.procs" "$group/cgroup.threads" "$group/cgroup.subtree_control"; do
            [ ! -e "$file" ] || chown "$KOKUNAI_FIRST_ID:$KOKUNAI_FIRST_ID" "$file"
        done
    done
    "$KOKUNAI_PYTHON" -I -S "$KOKUNAI_PREPARE" "$KOKUNAI_FIRST_ID" lower disk $place "$@"
    while [ "$1" != -- ]; do shift; done
    shift
    # Mounts that a user namespace inherits are locked; nspawn moves its root, so it gets one that was mounted inside.
    enter="nsenter --user=$place/user unshare --mount --propagation private sh $place/enter.sh"
    printf '%s\n' "mount --rbind $place/root $place/inner" 'exec "$@"' >$place/enter.sh
    # The first process's own limits are not for an ordinary user to read.
    mask="--rlimit=NPROC=$(limit 'Max processes') --rlimit=SIGPENDING=$(limit 'Max pending signals')"
fi
# A guest that reboots ends nspawn with 133 where nothing manages units, as here.
while :; do
    code=0
    SYSTEMD_NSPAWN_API_VFS_WRITABLE=network $enter systemd-nspawn --quiet --keep-unit --register=no \
        --directory=$place/inner --network-namespace-path=/proc/self/ns/net --capability=CAP_NET_ADMIN $mask \
        --boot --console=pipe --link-journal=no --resolv-conf=off --timezone=off \
        --machine="$name" --setenv=KOKUNAI_HOST="$KOKUNAI_HOST" "$@" || code=$?
    [ "$code" = 133 ] || break
done
echo "$code" >ended
