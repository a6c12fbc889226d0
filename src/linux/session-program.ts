import { READ_FILES } from './kernel-files.ts';

/** Between the fields of a plan. A rule never holds it. */
export const SEPARATOR = '\x1f';
/** The last field of a plan that arrived in one piece. */
export const WHOLE = 'whole';

/**
 * What a session runs in a namespace: one shell that starts everything else, because a process costs a millisecond and Node's way
 * of starting one three. Its text is constant, and nothing that it is given is ever read as shell.
 *
 * 1. With a number of seconds as its first argument it locks the network namespace, so that two Sidesteps do not change it at
 *    once. The lock lies on the namespace itself: it needs no file, and it goes with the process that holds it.
 * 2. It answers the requests in its arguments, side by side.
 * 3. It reads a plan from standard input, carries it out, and answers the requests in it. A plan that did not arrive whole (Node
 *    was killed) is not begun. One that did is carried out to its end whatever happens to Node, and no signal of a terminal
 *    reaches it.
 *
 * A step and a request are six words each. A step: its lane, its number, the program, how that is called, what it is given, and
 * what undoes that. Lane `first` comes first, then both families side by side, then `last`; a lane that fails undoes its own steps,
 * and then all others are undone. A request: the lane `read`, the descriptor it answers on, its words, its input, a file that
 * must hold something, and `-`. An answer ends in a NUL and the command's status.
 *
 * The legacy tools lock a file under /run; where this user cannot write that, one of the user's own serves ($0 is the user).
 */
export const PROGRAM = `
settled=
trap '' HUP INT QUIT TERM PIPE TSTP
set -f

act() {
  case $2 in
    -4|-6) said=$(printf %s "$3" | "$1" "$2" -batch - 2>&1 >/dev/null) ;;
    tables) said=$(printf %s "$3" | "$1" -f - 2>&1 >/dev/null) ;;
    nft) said=$(printf %s "$3" | "$1" --noflush 2>&1 >/dev/null) ;;
    *) said=$(printf %s "$3" | "$1" --noflush --wait="$2" 2>&1 >/dev/null) ;;
  esac
}
walk() {
  local lane="$1"
  shift
  while [ $# -gt 0 ] && [ "$1" != "$lane" ]; do shift 6; done
  [ $# -gt 0 ] || return 0
  if ! act "$3" "$4" "$5"; then
    printf '=refused %s\\n%s\\n' "$2" "$said"
    return 1
  fi
  local number="$2" program="$3" how="$4" undo="$6"
  shift 6
  walk "$lane" "$@" && return 0
  act "$program" "$how" "$undo" || printf '=stuck %s\\n%s\\n' "$number" "$said"
  return 1
}
back() {
  local lane="$1"
  shift
  while [ $# -gt 0 ] && [ "$1" != "$lane" ]; do shift 6; done
  [ $# -gt 0 ] || return 0
  local number="$2" program="$3" how="$4" undo="$6"
  shift 6
  back "$lane" "$@"
  act "$program" "$how" "$undo" || printf '=stuck %s\\n%s\\n' "$number" "$said"
}
change() {
  walk first "$@" || return 1
  walk ipv4 "$@" & one=$!
  walk ipv6 "$@" & other=$!
  wait $one; one=$?
  wait $other; other=$?
  if [ $one = 0 ] && [ $other = 0 ]; then
    walk last "$@" && return 0
  fi
  [ $one = 0 ] && back ipv4 "$@"
  [ $other = 0 ] && back ipv6 "$@"
  back first "$@"
}

answer() {
  if [ -n "$2" ]; then printf %s "$2" | $1
  else $1
  fi 2>/dev/null
  printf '\\0%s\\n' $?
}
answers() {
  while [ $# -gt 0 ]; do
    if [ "$1" != read ]; then :
    elif [ -n "$5" ] && ! read -r line < "$5"; then printf '\\0001\\n' >&$2
    else answer "$3" "$4" >&$2 &
    fi 2>/dev/null
    shift 6
  done
  ${READ_FILES}
  wait
  echo =end
}

lock() {
  command -v flock >/dev/null && [ -r /proc/self/ns/net ] || return 0
  exec 9< /proc/self/ns/net
  tries=$(($1 * 20))
  until flock -n 9; do
    if [ $tries -le 0 ]; then echo =busy; exit 1; fi
    tries=$((tries - 1))
    sleep 0.05 2>/dev/null || sleep 1
  done
}
usable() { [ -w "$1" ] || { ! [ -e "$1" ] && [ -w "\${1%/*}" ]; }; }
lock_file() {
  if [ -n "$XTABLES_LOCKFILE" ] || usable /run/xtables.lock; then return; fi
  for folder in "$XDG_RUNTIME_DIR" "$TMPDIR" /tmp /dev/shm; do
    if [ -n "$folder" ] && usable "$folder/xtables-$0.lock"; then
      export XTABLES_LOCKFILE="$folder/xtables-$0.lock"
      return
    fi
  done
}

changing=$1
[ -z "$changing" ] || lock "$changing"
shift
lock_file
answers "$@"

separator=$(printf '\\037')
plan=$(cat)
case $plan in *"\${separator}${WHOLE}") ;; *) exit ;; esac
IFS=$separator
set -- \${plan%"\${separator}${WHOLE}"}
unset IFS
change "$@"
# A plan that has nothing for nft itself leaves its tables as they were.
case $plan in *"\${separator}tables\${separator}"*) ;; *) settled=1 ;; esac
answers "$@"`;
