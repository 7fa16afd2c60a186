# Prints what is in this machine, one fact a line with a tab behind its name, and changes nothing.
LC_ALL=C
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export LC_ALL PATH
tab=$(printf '\t')
first() { head -c 300 "$1" 2>/dev/null | head -n 1; }
say() { printf '%s\t%s\n' "$1" "$2"; }
patiently() { if command -v timeout >/dev/null 2>&1; then timeout 40 "$@"; else "$@"; fi; }

say begin 1
say architecture "$(uname -m)"
say host_name "$(uname -n)"
say cpu_count "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
say memory_kib "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo 2>/dev/null)"
for field in ID VERSION_ID VERSION_CODENAME; do
  say "os_$field" "$(sed -n "s/^$field=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" /etc/os-release 2>/dev/null | head -n 1)"
done
[ -d /sys/bus/pci/devices ] && say pci_bus yes
for device in /sys/bus/pci/devices/*; do
  class=$(first "$device/class")
  case $class in
    0x03* | 0x12*) say pci "$(first "$device/vendor") $(first "$device/device") $class" ;;
  esac
done
for disk in /sys/block/*; do
  case ${disk##*/} in
    '*' | loop* | ram* | dm-* | zram* | sr* | md* | fd*) ;;
    *) say disk "${disk##*/} $(first "$disk/size") $(first "$disk/queue/rotational")" ;;
  esac
done
for nic in /sys/class/net/*; do
  case ${nic##*/} in
    '*' | lo) ;;
    *) say nic "${nic##*/} $(first "$nic/type") $(first "$nic/operstate") $(first "$nic/speed")" ;;
  esac
done
for device in /sys/class/infiniband/*; do
  [ -d "$device" ] && say fabric_device "${device##*/}"
done
if command -v nvidia-smi >/dev/null 2>&1; then
  say nvidia_smi yes
  patiently nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader,nounits 2>/dev/null |
    head -n 64 | sed "s/^/gpu$tab/"
  patiently nvidia-smi -q 2>/dev/null |
    sed -n '/^ *Fabric *$/,/^ *Health/s/^ *\(State\|Status\|CliqueId\|ClusterUUID\) *: */fabric'"$tab"'\1 /p' |
    head -n 256
fi
[ -e /etc/kokunai-simulation ] && say simulated yes
if [ -e /etc/kokunai/owner ]; then
  owner=$(sed -n 's/^owner \([0-9a-f]\{16\}\)$/\1/p' /etc/kokunai/owner 2>/dev/null | head -n 1)
  say owner "${owner:-unreadable}"
fi
say end 1
