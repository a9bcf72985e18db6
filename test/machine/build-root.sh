#!/bin/sh
# The file system of a machine to boot, built from Debian's packages alone: build-root.sh FOLDER [SOURCE...]
#
# The rule: FOLDER is whole or not there. Host keys and machine id are made by each boot, never shared.
set -eu

folder=$1
shift
fresh=$folder.making.$$
trap 'rm -rf "$fresh"' EXIT
trap 'exit 1' HUP INT TERM

# shellcheck disable=SC2016 # the builder's own shell expands them
mmdebstrap --quiet --variant=minbase --components=main \
  --include=systemd,systemd-sysv,dbus,polkitd,libpam-systemd,openssh-server,ca-certificates,curl,iproute2,procps,less \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --aptopt='Acquire::Languages "none"' \
  --customize-hook='rm -f "$1"/etc/ssh/ssh_host_*' \
  --customize-hook='truncate -s 0 "$1"/etc/machine-id' \
  --customize-hook='chroot "$1" passwd --lock root >/dev/null' \
  --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash ada' \
  --customize-hook='mkdir -p "$1"/root/.ssh "$1"/home/ada/.ssh && chown 1000:1000 "$1"/home/ada/.ssh' \
  --customize-hook='systemctl --quiet --root="$1" mask systemd-networkd.service systemd-networkd.socket systemd-resolved.service getty.target console-getty.service apt-daily.timer apt-daily-upgrade.timer' \
  --format=directory bookworm "$fresh" "$@"
rm -rf "$folder"
mv "$fresh" "$folder"
