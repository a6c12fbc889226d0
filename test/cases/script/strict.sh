#!/bin/sh
set -e
iptables -D INPUT -j ACCEPT 2>/dev/null || true
if iptables -C OUTPUT -j ACCEPT 2>/dev/null; then iptables -A OUTPUT -j DROP; else iptables -A OUTPUT -o lo -j ACCEPT; fi
IPT=$(command -v iptables)
MODE=open
accept() {
  [ "$1" = 0 ] && return 0
  for proto in tcp udp; do
    [ "$MODE" = shut ] && continue
    $IPT -A INPUT -p $proto --dport "$1" -i ${WAN:-eth0} -j ACCEPT
  done
}
accept 0
accept 53
if [ "$MODE" != open ]; then $IPT -F; elif [ 3 -gt 2 ]; then $IPT -A FORWARD -j DROP; fi
iptables -A INPUT -p tcp --dport 22 -j ACCEPT
iptables -X NOBODY
iptables -A INPUT -j DROP
