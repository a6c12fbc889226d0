import { spawnSync } from 'node:child_process';
import { Command } from 'commander';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { askedOf, familiesAsked, settleOutputFlag } from '../../src/cli/interception-flags.ts';
import { askedWords } from '../../src/explain/index.ts';
import { defaultInterception } from '../../src/interception/index.ts';
import { randomInterception, seeded } from '../interception/random.ts';
// `verify` names the command that would mend what it found. Somebody will run it as it stands: it has to ask for the same.
/** A shell's own way to split the words of a command. */
function shellSplit(command) {
    const { stdout } = spawnSync('/bin/sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' });
    return stdout.split('\0').slice(0, -1);
}
/** What init makes of a command line: the same declaration of flags, and the same reader behind it. */
async function readBack(words, machine) {
    const { init } = await import('../../src/cli/init.ts');
    const command = new Command().exitOverride();
    init.declare(command);
    const argv = settleOutputFlag(shellSplit(words.join(' ')));
    command.parse([...argv], { from: 'user' });
    const options = command.opts();
    return (await askedOf(options, argv, machine, familiesAsked(options.family))).interception;
}
/** What no rule is written of cannot be asked for, and need not be. */
const settled = (one) => ({
    ...one,
    dns: { ...one.dns, servers: one.dns.capture && !one.dns.all ? one.dns.servers : [] },
});
const addresses = (...words) => words.map((word) => parseAddress(word));
const MACHINES = [
    ['nothing is known of the host', {}],
    ['a host of both families', { addresses: addresses('10.0.0.5', '2001:db8::5') }],
    [
        'an IPv6 host with name servers and a user istio-proxy',
        { addresses: addresses('2001:db8::5'), resolvConf: 'nameserver 192.0.2.53\n', uidOf: () => 1400 },
    ],
];
const VARIABLES = {
    ISTIO_OUTBOUND_OWNER_GROUPS: '101,102',
    ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE: '103',
    ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR: '127.9.0.0/16',
    ISTIO_INBOUND_PORTS: '*',
    ISTIO_LOCAL_EXCLUDE_PORTS: '9',
    ISTIO_SERVICE_CIDR: '192.0.2.0/24',
    ISTIO_INBOUND_INTERCEPTION_MODE: 'TPROXY',
    INBOUND_CAPTURE_PORT: '16106',
    PROXY_UID: '7',
    PROXY_GID: '8',
    ISTIO_DUAL_STACK: 'true',
    ENABLE_INBOUND_IPV6: 'true',
    REDIRECT_DNS: 'true',
    CAPTURE_ALL_DNS: 'true',
    DROP_INVALID: 'true',
};
describe('the flags that an interception is told as, read by init, ask for the same', () => {
    const random = seeded(20261125);
    const cases = Array.from({ length: 150 }, (_, index) => [index, randomInterception(random)]);
    afterEach(() => vi.unstubAllEnvs());
    test.for(cases)('on a host that says nothing: random interception %i', async ([, interception]) => {
        expect(settled(await readBack(askedWords(interception), {}))).toEqual(settled(interception));
    });
    describe.for(MACHINES)('%s', ([, machine]) => {
        test.for(cases.slice(0, 40))('with variables set: random interception %i', async ([, interception]) => {
            for (const [name, value] of Object.entries(VARIABLES))
                vi.stubEnv(name, value);
            const { askedHere } = await import('../../src/cli/asked-here.ts');
            const words = await askedHere(interception, machine);
            expect(settled(await readBack(words, machine))).toEqual(settled(interception));
        });
    });
});
test('a word that a shell would read otherwise is quoted', () => {
    const interfaces = { exclude: ["a;b$(c)'d"], virtual: [] };
    const words = askedWords({ ...defaultInterception('istio'), interfaces });
    expect(words).toEqual(['--dialect istio', `-c 'a;b$(c)'\\''d'`]);
    expect(shellSplit(words.join(' '))).toEqual(['--dialect', 'istio', '-c', "a;b$(c)'d"]);
});
