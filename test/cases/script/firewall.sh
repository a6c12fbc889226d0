#!/bin/sh
# A firewall as people write it: flush, chains, rules, policies; variables, loops, functions.
IPT="/usr/sbin/iptables"
IP6=ip6tables
LAN=10.1.0.0/16
WEB="80 443"

$IPT -F
$IPT -X
$IPT -t nat -F; $IPT -t nat -X
for table in filter nat mangle; do
  $IPT -t $table -F
done

$IPT -P INPUT DROP
$IPT -P FORWARD DROP
${IPT} -P OUTPUT ACCEPT

$IPT -N LOGDROP
$IPT -A LOGDROP -m limit --limit 5/min -j LOG --log-prefix "dropped: " --log-level 4
$IPT -A LOGDROP -j DROP

allow() {
  $IPT -A INPUT -p "$1" --dport "$2" -m comment --comment "allow $1/$2" -j ACCEPT
}
$IPT -A INPUT -i lo -j ACCEPT
$IPT -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
allow tcp 22
for port in $WEB 8080; do allow tcp $port; done
allow udp 53

$IPT -A INPUT -p icmp --icmp-type echo-request \
     -m limit --limit 1/s --limit-burst 5 \
     -j ACCEPT
$IPT -A INPUT -j LOGDROP

$IPT -t nat -A POSTROUTING -s $LAN -o eth0 -j MASQUERADE
$IPT -t nat -A PREROUTING -i eth0 -p tcp --dport 8443 -j DNAT --to 10.1.0.5:443 || exit 1

if ! $IPT -C FORWARD -s $LAN -j ACCEPT 2>/dev/null; then
  $IPT -I FORWARD -s $LAN -j ACCEPT
fi
$IPT -C FORWARD -d $LAN -j ACCEPT 2> /dev/null || $IPT -I FORWARD 2 -d $LAN -j ACCEPT

$IP6 -P INPUT DROP
$IP6 -A INPUT -p ipv6-icmp -j ACCEPT && $IP6 -A INPUT -i lo -j ACCEPT
echo "done"
exit 0
$IPT -F
