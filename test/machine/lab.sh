#!/bin/sh
# A machine and the network it hangs on, in namespaces of their own: lab.sh NAME ROOT FOLDER
#
# Runs as the first process of a PID, mount and network namespace (see machine.ts). The rule: nothing is made
# outside of them but one cgroup and FOLDER, and when standard input ends, all of it ends.
#
#   this network namespace (10.77.0.1, hub and visitors) -- veth -- the machine's (10.77.0.2)
set -eu

name=$1
root=$2
folder=$3

# Hosts with the first version of cgroups keep the second elsewhere, or not at all.
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$name/box"
echo $$ >"/sys/fs/cgroup/$name/cgroup.procs"

touch "$folder/net"
unshare --net="$folder/net" ip link set lo up
ip link set lo up
ip link add box type veth peer name host0 netns "$folder/net"
ip addr add 10.77.0.1/24 dev box
ip link set box up
nsenter --net="$folder/net" ip addr add 10.77.0.2/24 dev host0
nsenter --net="$folder/net" ip link set host0 up

mkdir -p "$folder/work" "$folder/machine"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$folder/changes,workdir=$folder/work" "$folder/machine"

boots=0
while :; do
  boots=$((boots + 1))
  echo "$boots" >"$folder/boots"
  code=0
  sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "/sys/fs/cgroup/$name/box" \
    systemd-nspawn --quiet --register=no --keep-unit --machine="$name" --directory="$folder/machine" --boot \
    --network-namespace-path="$folder/net" --resolv-conf=off --timezone=off --console=read-only \
    --kill-signal=SIGRTMIN+3 </dev/null >>"$folder/console" 2>&1 || code=$?
  # 133 asks for another boot.
  [ "$code" = 133 ] || break
done &
cat >/dev/null
