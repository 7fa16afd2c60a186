#!/bin/sh
# SIMULATION (kokunai lab): stands in for mount.nfs because the kernel of this machine has no NFS.
# It mounts only what answers on the network, so that a missing route or switch fails here too.
set -eu
source_=${1:?}; target=${2:?}; shift 2
address=${source_%%:*}
path=${source_#*:}
echo "mount.nfs: SIMULATION: $source_ is a directory of the lab, not NFS" >&2
options=rw
while [ $# -gt 0 ]; do
    case $1 in
        -o) case ",$2," in *,ro,*) options=ro ;; esac; shift ;;
        -r) options=ro ;;
    esac
    shift
done
if ! nc -z -w 3 "$address" 2049 2>/dev/null; then
    echo "mount.nfs: $address: TCP 2049 に接続できません。 no answer on TCP 2049" >&2
    exit 32
fi
for directory in /run/kokunai-lab/nfs/*/"$address$path"; do
    if [ -d "$directory" ]; then
        mount -i --bind "$directory" "$target"
        [ "$options" = rw ] || mount -i -o remount,bind,ro "$target"
        exit 0
    fi
done
echo "mount.nfs: $source_: そのような共有はありません。 no such export" >&2
exit 32
