import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseAddress } from '../../src/address/index.ts';
import { BUILT_IN, isTableName } from '../../src/netfilter/index.ts';
const program = readFileSync(new URL('kernel-account-program.mjs', import.meta.url), 'utf8');
const built = new URL('../../dist/linux/index.js', import.meta.url).href;
/** Starts it; it ends with the namespace, or with this process. Rules must not change afterwards. */
export async function openAccount(scratch) {
    const child = scratch.start([process.execPath, '--input-type=module', '-e', program, built], {
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    await lines.next();
    return {
        async passes() {
            child.stdin.write('\n');
            const told = [];
            for (;;) {
                const { value, done } = await lines.next();
                if (done || value === 'end')
                    return passesIn(told);
                told.push(JSON.parse(value));
            }
        },
    };
}
/** Messages of several packets may be mixed; each pass begins at the watching table. */
function passesIn(told) {
    const passes = [];
    const current = new Map();
    for (const message of told) {
        if (message.table === 'watch') {
            if (!message.first)
                continue;
            const { protocol: family, carried: protocol, flags, type } = message;
            const pass = {
                family,
                departs: message.chain === 'departs',
                ends: endsOf(message),
                protocol,
                flags,
                type,
                asked: [],
            };
            passes.push(pass);
            current.set(message.id, pass);
            continue;
        }
        const pass = current.get(message.id);
        if (!pass)
            throw new Error(`a packet that nobody saw begin: ${JSON.stringify(message)}`);
        if (message.first) {
            const hook = baseChain(message) ?? pass.asked.at(-1)?.chain ?? '?';
            pass.asked.push({ chain: hook, ends: endsOf(message), matched: [] });
        }
        const { place } = message;
        if (place)
            pass.asked.at(-1)?.matched.push({ rule: `${place.chain} ${place.number}`, mark: message.mark });
    }
    return passes;
}
const baseChain = ({ table, chain }) => isTableName(table) && BUILT_IN[table].includes(chain) ? `${chain} ${table}` : undefined;
const endsOf = ({ protocol, source, sourcePort, destination, destinationPort }) => `${spoken(protocol, source)}:${sourcePort} > ${spoken(protocol, destination)}:${destinationPort}`;
/** Addresses come in hexadecimal digits; numbers are compared. */
const spoken = (family, hex) => family === 'ipv4' ? String(Number.parseInt(hex, 16)) : String(BigInt(`0x${hex}`));
/** The number of an address, as ends write it. */
export const numberOf = (text) => String(parseAddress(text)?.value);
