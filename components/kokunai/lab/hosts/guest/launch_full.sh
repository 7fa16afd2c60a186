#!/bin/sh
# Runs a host until it is switched off; started detached in the host's network namespace and a mount namespace of its own,
# so that no mount of the host is ever visible on the machine and all of them vanish with its processes.
# Arguments: directory of the machine, machine name, then options for systemd-nspawn.
set -eu
cd "$1"
name=$2
shift 2
# Traces of nspawn itself stay in this mount namespace too.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=755 tmpfs /run/systemd/nspawn
for group in $KOKUNAI_CONTROL_GROUPS; do
    echo $$ >"$group/cgroup.procs"
done
# Relative names: a lab's directory may hold characters that overlay options cannot.
mount -t overlay overlay -o index=off,lowerdir=lower,upperdir=disk/upper,workdir=disk/work root
# A guest that reboots ends nspawn with 133 where nothing manages units, as here.
while :; do
    code=0
    SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn --quiet --keep-unit --register=no \
        --directory=root --network-namespace-path=/proc/self/ns/net --capability=CAP_NET_ADMIN \
        --boot --console=pipe --link-journal=no --resolv-conf=off --timezone=off \
        --machine="$name" --setenv=KOKUNAI_HOST="$KOKUNAI_HOST" "$@" || code=$?
    [ "$code" = 133 ] || break
done
echo "$code" >ended
