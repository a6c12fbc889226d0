# Every command, in the spellings that the tools take.
iptables -t nat -N FIRST
iptables --table nat --new-chain SECOND
iptables -t nat -A FIRST -p tcp --dport 80 -j RETURN
iptables -tnat -AFIRST -p tcp --dport 81 -j RETURN
iptables -w -t nat -A FIRST -p tcp --dport 82 -j RETURN
iptables -w 5 -t nat -A FIRST -p tcp --dport 83 -j RETURN
iptables --wait=5 --table=nat --append FIRST -p tcp --dport 84 -j RETURN
iptables -t nat -I FIRST -p tcp --dport 79 -j RETURN
iptables -t nat -I FIRST 3 -p tcp -s 10.0.0.1,10.0.0.2 -j RETURN
iptables -t nat -R FIRST 1 -p tcp --dport 78 -j RETURN
iptables -t nat -D FIRST 2
iptables -t nat -D FIRST -p tcp -m tcp --dport 82 -j RETURN
iptables -A FIRST -t nat -m comment --comment "it's -A \"quoted\"" -j SECOND
iptables -A FIRST -t nat -m comment --comment 'say "hi" \ there' -j SECOND
iptables -t nat -A OUTPUT -p tcp -j FIRST
iptables -t nat -E SECOND THIRD
iptables -t nat -N GONE
iptables -t nat -A GONE -j RETURN
iptables -t nat -F GONE
iptables -t nat -X GONE
iptables -t nat -X THIRD || true
iptables -t nat -D FIRST -p udp || true
iptables -D INPUT 7 2>/dev/null; iptables -N FILTERED && iptables -A INPUT -j FILTERED
sudo iptables -A FILTERED ! -s 10.0.0.0/8 -j DROP
sudo -n /sbin/iptables -A FILTERED -p udp -m multiport --dports 53,123 -j ACCEPT # a comment
LC_ALL=C env -i /usr/sbin/iptables -A FILTERED -i 'eth+' -j ACCEPT
{ iptables -A FILTERED -j QUEUED || iptables -A FILTERED -m comment --comment fallback; } 2>/dev/null
(iptables -P FORWARD DROP); iptables -Z; iptables -L -n -v >/dev/null
iptables-nft -t mangle -A PREROUTING -j MARK --set-mark 0x1/0xf
iptables-legacy -t raw -A PREROUTING -p udp --dport 53 -j NOTRACK
ip6tables -t mangle -A POSTROUTING -p tcp --tcp-flags SYN,RST SYN \
  -j TCPMSS --clamp-mss-to-pmtu
ip6tables-legacy -A INPUT -s 2001:db8::/32 -j ACCEPT
iptables -nvL INPUT > /dev/null
iptables -t nat -vA FIRST -p tcp --dport 85 -j RETURN >/dev/null
iptables -vtnat -A FIRST -p tcp --dport 86 -j RETURN >/dev/null
iptables -4 -A FILTERED -s 1.2.3.4 -j DROP
ip6tables -6vA INPUT -s ::1 -j DROP >/dev/null
iptables --new SHORT; iptables --app SHORT -m policy --dir in --pol ipsec -j DROP
iptables --tab mangle --pol OUTPUT DROP; iptables --pol FORWARD ACCEPT
iptables --new GOING; iptables --delete-c GOING
iptables -nvL --line > /dev/null
cat > /dev/null <<END
iptables -A INPUT -s 1.2.3.4 -j DROP
END
