#!/bin/sh
set -e
iptables -D INPUT -j ACCEPT 2>/dev/null || true
if iptables -C OUTPUT -j ACCEPT 2>/dev/null; then iptables -A OUTPUT -j DROP; else iptables -A OUTPUT -o lo -j ACCEPT; fi
iptables -A INPUT -p tcp --dport 22 -j ACCEPT
iptables -X NOBODY
iptables -A INPUT -j DROP
