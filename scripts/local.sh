# Sourced by demo.sh and test.sh after step.sh: the three repositories, the registry and the chart repository of a whole
# pipeline, all of them below one directory, $place.
# shellcheck shell=bash disable=SC2154 # root, place and cache_dir are the caller's

bin=$place/bin
export QA_REPOSITORY=$place/qa.git PROD_REPOSITORY=$place/prod.git SOURCE_REPOSITORY=$place/source.git
export QA_SIGNING_KEY_FILE=$place/keys/qa.key QA_PUBLIC_KEY_FILE=$place/keys/qa.pub

# What runs for long ends with this script, also when that is killed.
tied=(env)
if command -v setpriv >/dev/null && setpriv --pdeathsig TERM true 2>/dev/null; then tied=(setpriv --pdeathsig TERM); fi
# So does the server, unless the caller wants it to live on.
serving=("${tied[@]}")
# What it pushes to is below $place: which CI engine runs the script, and for which build, does not matter.
alone=(env -u CI -u TRAVIS -u GITHUB_ACTIONS -u GITLAB_CI CHART_PROMOTER_PUSH=true)
promoter=("${tied[@]}" "${alone[@]}" "${static[@]}" "$bin/chart-promoter" --config "$place/source/ci/pipeline.yaml")
promoter() { "${promoter[@]}" --work-dir "$place/run" "$@"; }
source_git() { git -C "$place/source" -c user.name=local -c user.email=local@localhost -c commit.gpgsign=false -c core.hooksPath=/dev/null "$@"; }

stop_server() {
  local pid
  pid=$(cat "$place/serve.pid" 2>/dev/null) || return 0
  # A number alone may be another process by now.
  if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$place/registry" 2>/dev/null ||
    ps -p "$pid" -o args= 2>/dev/null | grep -qF -- "$place/registry"; then
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  fi
  rm -f "$place/serve.pid"
}

build_tool() {
  local at=$SECONDS
  mkdir -p "$bin"
  (cd "$root" && "${static[@]}" go build -o "$bin/chart-promoter" ./cmd/chart-promoter)
  took 'chart-promoter: built' "$at"
  # Of kubectl-btcnet, which a release has for six platforms, the build makes the one for this machine.
  PLUGIN_PLATFORMS=$(go env GOOS)/$(go env GOARCH)
  export PLUGIN_PLATFORMS
}

have_kubectl() {
  command -v kubectl >/dev/null || die 'kubectl is not installed; install it: https://kubernetes.io/docs/tasks/tools/'
}

# repositories: empty ones for QA and prod, and one for the source that starts with this clone's history.
repositories() {
  local name
  for name in qa prod source; do
    if [[ -f $place/$name.git/complete ]]; then
      like_a_forge "$name"
      continue
    fi
    rm -rf "$place/$name.git"
    git init -q --bare -b main "$place/$name.git"
    # The history of a shallow clone cannot be pushed; the source then begins without any.
    if [[ $name == source && $(git -C "$root" rev-parse --is-shallow-repository) == false ]]; then
      git -C "$root" -c core.hooksPath=/dev/null push -q "$place/source.git" HEAD:refs/heads/main
    fi
    like_a_forge "$name"
    touch "$place/$name.git/complete"
  done
  rm -rf "$place/source"
  # Without its files, which commit writes.
  git clone -q -n -c core.autocrlf=false "$place/source.git" "$place/source" 2>/dev/null
  source_git symbolic-ref HEAD refs/heads/main
  [[ -f $place/keys/qa.pub ]] || { rm -rf "$place/keys" && promoter_keys; }
}

# like_a_forge NAME: a clone gets the files that it reads, as from GitHub and GitLab, and not the archives of all releases.
like_a_forge() {
  git -C "$place/$1.git" config uploadpack.allowFilter true
  git -C "$place/$1.git" config uploadpack.allowAnySHA1InWant true
}

promoter_keys() { "$bin/chart-promoter" keygen "$place/keys/qa" >/dev/null; }

# commit TEXT [TREE]: a new commit in the source, with the files of this clone's last commit or of another tree.
commit() {
  local tree=${2:-}
  [[ -n $tree ]] || tree=$(git -C "$root" rev-parse 'HEAD^{tree}')
  # As a pack, since git does not fetch from a shallow clone.
  git -C "$root" rev-list --objects "$tree" | git -C "$root" pack-objects -q --stdout | source_git index-pack --stdin >/dev/null
  source_git read-tree -u --reset "$tree"
  printf '%s\n%s\n' "$1" "$(date -u +%FT%TZ)" >"$place/source/LOCAL"
  source_git add -A
  source_git commit -qm "$1"
  source_git push -q origin HEAD:refs/heads/main
}

serve() {
  stop_server
  local port=0
  # The address is part of the images' names, so it stays.
  [[ -s $place/address ]] && port=$(cut -d: -f2 "$place/address")
  rm -f "$place/address.new"
  "${serving[@]}" "$bin/chart-promoter" serve --listen "127.0.0.1:$port" --registry "$place/registry" --charts "$place/prod.git" --address-file "$place/address.new" \
    </dev/null >"$place/serve.log" 2>&1 9>&- &
  echo $! >"$place/serve.pid"
  local deadline=$((SECONDS + 20))
  until [[ -s $place/address.new ]]; do
    ((SECONDS < deadline)) || die "the registry does not answer; see $place/serve.log"
    kill -0 "$(cat "$place/serve.pid")" 2>/dev/null || die "the registry does not start: $(tail -n 1 "$place/serve.log"); without the directory $place it starts afresh"
    sleep 0.1
  done
  mv "$place/address.new" "$place/address"
  address=$(cat "$place/address")
  export IMAGE_REPOSITORY=$address/bitcoin-controller
}
