# Sourced after step.sh: Debian packages on this machine, and Debian roots for images, both from the machine's own apt sources.
# shellcheck shell=bash disable=SC2154 # cache_dir is from step.sh

# apt_install PACKAGE…: installs what is missing; fetches the package lists only when that fails without.
apt_install() {
  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then return; fi
  step "packages ${missing[*]}" installed apt_install_now "${missing[@]}"
}

apt_install_now() {
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300)
  # A kill in the middle of an earlier run leaves dpkg half done.
  dpkg --configure -a
  "${get[@]}" install --no-install-recommends "$@" && return
  "${get[@]}" update
  "${get[@]}" install --no-install-recommends "$@"
}

# apt_mirror: the mirror this machine is configured with. Every suite of the archive is below it.
apt_mirror() {
  local codename uri
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
  uri=$(apt_source "$codename")
  # apt knows its sources only once it has their lists.
  if [[ -z $uri ]]; then
    apt-get update >&2
    uri=$(apt_source "$codename")
  fi
  [[ -n $uri ]] || die "apt has no source for $codename; add Debian's main archive to /etc/apt/sources.list.d"
  echo "$uri"
}

# apt_source SUITE: where the packages of that suite come from.
apt_source() {
  # shellcheck disable=SC2016 # apt-get fills these in
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' \
    | awk -v suite="$1" '$1 == suite { uri = uri ? uri : $2 } END { print uri }'
}

# debian_root FILE SUITE OPTION…: a root file system, as a tar file or as a directory. It appears only when it is complete.
debian_root() {
  local file=$1 suite=$2
  shift 2
  rm -rf --one-file-system "$file.part"
  # A copy of the archive that is not refreshed any more is past its own expiry date.
  mmdebstrap --mode=root --aptopt='Acquire::Check-Valid-Until "false"' "$@" "$suite" "$file.part" "$(apt_mirror)"
  mv "$file.part" "$file"
}
