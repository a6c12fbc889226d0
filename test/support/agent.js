import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
const program = readFileSync(new URL('agent-program.cjs', import.meta.url), 'utf8');
const built = new URL('../../dist/linux/index.js', import.meta.url).href;
let tokens = 0;
/** What listeners of all agents have heard: the datagram's token, and the listener's name. */
const heard = new Map();
/** Starts an agent in a namespace, as the given user. It ends with the namespace, or with this process. */
export function startAgent(scratch, options = {}) {
    const child = scratch.start([process.execPath, '-e', program, built], {
        ...options,
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    const waiting = new Map();
    let last = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
        const answer = JSON.parse(line);
        if (answer.heard)
            heard.set(answer.heard, answer.name);
        else
            waiting.get(answer.id)?.(answer);
    });
    const ask = (request) => new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, (answer) => (answer.failed ? reject(new Error(answer.failed)) : resolve(answer)));
        child.stdin.write(`${JSON.stringify({ id: last, ...request })}\n`);
    });
    return {
        ready: ask({ task: 'greet' }).then(() => { }),
        listen: async (listening) => {
            await ask({ task: 'listen', ...listening });
        },
        converse: async (to, port) => {
            const { conversation } = (await ask({ task: 'converse', to, port, timeout: 2000 }));
            return async () => {
                await ask({ task: 'say', conversation });
            };
        },
        sendRaw: async (packet, to) => {
            await ask({ task: 'sendRaw', packet: Buffer.from(packet).toString('base64'), to });
        },
        sendFrame: async (frame, device) => {
            await ask({ task: 'sendFrame', frame: Buffer.from(frame).toString('base64'), device });
        },
        send: async (sending, timeout) => {
            tokens += 1;
            const token = `token ${tokens}`;
            const answer = await ask({ task: 'send', ...sending, timeout, token });
            // The listener's word may be still on its way.
            for (let tries = 0; tries < 20 && answer.silent && sending.protocol === 'udp' && !heard.has(token); tries += 1) {
                await sleep(10);
            }
            const name = heard.get(token);
            return answer.reached || name === undefined ? answer : { reached: { name } };
        },
    };
}
