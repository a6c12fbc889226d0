import { expect, test } from 'vitest';
import { installation } from '../../src/linux/tool.ts';
const WANTED = ['iptables-restore', 'ip6tables-legacy-restore', 'ip', 'nft', 'conntrack'];
test.for([
    ['ID=debian\n', 'apt-get update && apt-get install -y iptables iproute2 nftables conntrack'],
    [
        'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n',
        'apt-get update && apt-get install -y iptables iproute2 nftables conntrack',
    ],
    ['ID=fedora\n', 'dnf install -y iptables-nft iptables-legacy iproute nftables conntrack-tools'],
    [
        'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
        'dnf install -y iptables-nft iptables-legacy iproute nftables conntrack-tools',
    ],
    ['ID=alpine\n', 'apk add iptables iptables-legacy iproute2 nftables conntrack-tools'],
    ['ID=arch\n', 'pacman -S iptables-nft iproute2 nftables conntrack-tools'],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', 'zypper install iptables iproute2 nftables conntrack-tools'],
])('%j', ([osRelease, command]) => {
    expect(installation(WANTED, osRelease, true).command).toBe(command);
});
test('an ordinary user is told to use sudo, for both halves of a command', () => {
    expect(installation(['ip'], 'ID=debian\n', false).command).toBe("sudo sh -c 'apt-get update && apt-get install -y iproute2'");
    expect(installation(['ip'], 'ID=alpine\n', false).command).toBe('sudo apk add iproute2');
});
