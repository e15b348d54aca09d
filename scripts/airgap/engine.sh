#!/usr/bin/env bash
# A Docker engine on a bare Debian machine, as root.
# usage: engine.sh start   installs docker.io if need be, and starts dockerd unless an engine answers already
#        engine.sh stop    stops the dockerd that an earlier start started; any other is left alone
#        engine.sh status  prints "ours", "other" or "none"
#        engine.sh fit     fails with a sentence when the engine cannot run privileged containers here
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../step.sh
. "$root/scripts/step.sh"
# shellcheck source-path=SCRIPTDIR source=apt.sh
. "$here/apt.sh"

state=$cache_dir/engine
config=$state/daemon.json
pidfile=$state/dockerd.pid
log=$state/dockerd.log

answers() { timeout 20 docker info >/dev/null 2>&1; }

# our_pid: the process id of the dockerd that runs with our configuration, if any.
our_pid() {
  local pid
  pid=$(cat "$pidfile" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ ]] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "--config-file $config" && echo "$pid"
}

# may_raise_limits: whether the machine grants CAP_SYS_RESOURCE (number 24), without which runc needs help.
may_raise_limits() {
  local bounding
  bounding=$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)
  (((16#$bounding >> 24) & 1))
}

build_runtime() {
  (cd "$root" && CGO_ENABLED=0 GOWORK=off go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$1.part" ./scripts/airgap/runtime)
  mv "$1.part" "$1"
}

write_config() {
  if may_raise_limits; then
    echo '{}'
    return
  fi
  local runtime
  runtime=$state/runtime-$(key_of "$(go env GOVERSION)" -- "$here/runtime")
  [[ -x $runtime ]] || step 'container runtime without CAP_SYS_RESOURCE' built build_runtime "$runtime"
  touch "$runtime"
  printf '{"default-runtime": "limited", "runtimes": {"limited": {"path": "%s"}}}\n' "$runtime"
}

start_now() {
  # Under systemd the package brings its own service; the wrapper is for machines without one.
  if [[ -d /run/systemd/system ]] && may_raise_limits; then
    systemctl start docker
    answers || die 'the docker service runs but does not answer; see: journalctl -u docker'
    return
  fi
  write_config >"$config.part"
  mv "$config.part" "$config"
  local dockerd deadline=$((SECONDS + 60))
  if ! dockerd=$(our_pid); then
    rm -f "$pidfile"
    # A session of its own: dockerd is to outlive the shell that started it, and its Ctrl-C. It must not
    # inherit the locks of the scripts around it either.
    setsid dockerd --config-file "$config" --pidfile "$pidfile" >"$log" 2>&1 </dev/null 8>&- 9>&- &
    dockerd=$!
  fi
  until answers; do
    kill -0 "$dockerd" 2>/dev/null || die "dockerd ended: $(tail -n 3 "$log")"
    ((SECONDS < deadline)) || die "dockerd does not answer after 60 s; its log is $log"
    sleep 0.2
  done
}

start() {
  if answers; then
    info 'docker engine: running'
    return
  fi
  [[ -z ${DOCKER_HOST:-} ]] || die "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST; start it, or unset DOCKER_HOST"
  mkdir -p "$state"
  exec 8>"$state/lock"
  flock 8
  apt_install docker.io iptables ca-certificates
  # From Debian 13 on, docker.io only recommends the client.
  command -v docker >/dev/null || apt_install docker-cli
  local started=$SECONDS
  start_now
  info "docker engine: started ($((SECONDS - started)) s)"
}

stop() {
  local pid
  if ! pid=$(our_pid); then
    info 'docker engine: none of ours runs'
    return
  fi
  local started=$SECONDS
  kill "$pid"
  while [[ -d /proc/$pid ]]; do
    ((SECONDS - started < 60)) || die "dockerd (process $pid) did not end within 60 s"
    sleep 0.2
  done
  info "docker engine: stopped ($((SECONDS - started)) s)"
}

status() {
  if our_pid >/dev/null; then echo ours; elif answers; then echo other; else echo none; fi
}

fit() {
  if may_raise_limits || [[ $(docker info --format '{{.DefaultRuntime}}') != runc ]]; then return; fi
  die "this machine withholds CAP_SYS_RESOURCE, so the running Docker engine cannot run kind's nodes; stop it and run this again, which starts one that can"
}

case ${1:-} in
  start | stop | status | fit) "$1" ;;
  *) die 'usage: engine.sh start|stop|status|fit' ;;
esac
