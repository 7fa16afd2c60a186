#!/bin/sh
# Puts a host together without systemd: overlay, /proc, /sys, /dev and /run, then sshd under a small init.
# Started as process 1 of new pid, mount, uts and ipc namespaces, in the host's network namespace.
# Arguments: directory of the machine, host name, overlay options, then directories of file servers.
set -eu
cd "$1"
hostname "$2"
# Relative names: a lab's directory may hold characters that overlay options cannot.
mount -t overlay overlay -o "index=off,lowerdir=lower,upperdir=disk/upper,workdir=disk/work$3" root
shift 3
mount -t proc proc root/proc
# Simulated hosts must not reach the settings of the machine, only those of their own network.
mount --bind root/proc/sys root/proc/sys
mount --bind root/proc/sys/net root/proc/sys/net
mount -o remount,bind,ro root/proc/sys
mount -o remount,bind,rw root/proc/sys/net
mount -t sysfs -o ro sysfs root/sys
mount --bind pci root/sys/bus/pci
mount -o remount,bind,ro root/sys/bus/pci
mount -t tmpfs -o mode=755 tmpfs root/dev
# Nodes of its own where root may make them: a mode changed in a host would change the machine's.
for node in full:1:7 null:1:3 random:1:8 tty:5:0 urandom:1:9 zero:1:5; do
    name=${node%%:*} numbers=${node#*:}
    if ! mknod -m 666 "root/dev/$name" c "${numbers%:*}" "${numbers#*:}" 2>/dev/null; then
        : >"root/dev/$name"
        mount --bind "/dev/$name" "root/dev/$name"
    fi
done
mkdir root/dev/pts root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
ln -s /proc/self/fd/0 root/dev/stdin
ln -s /proc/self/fd/1 root/dev/stdout
ln -s /proc/self/fd/2 root/dev/stderr
mount -t tmpfs -o mode=755 tmpfs root/run
mkdir -p root/run/sshd root/run/lock root/run/old
for share in "$@"; do
    mkdir -p "root/run/kokunai-lab/nfs/${share##*/}"
    mount --bind "$share" "root/run/kokunai-lab/nfs/${share##*/}"
done
cd root
pivot_root . run/old
# The clock, modules and the machine's power are not a simulated host's to change.
exec /usr/bin/setpriv --bounding-set=-sys_time,-sys_module,-sys_boot,-sys_rawio,-mac_admin,-syslog \
    /bin/sh -c '
umount -l /run/old
rmdir /run/old
startup=/var/lib/kokunai-lab/startup
if [ -d "$startup" ] && [ ! -e "$startup.done" ]; then
    touch "$startup.done"
    for script in "$startup"/*; do "$script"; done &
fi
/usr/sbin/sshd -D -e &
trap "kill -TERM -1; exit 0" TERM
while :; do wait; sleep 1; done
'
