import { once } from 'node:events';
import { liveDocument } from '../../src/explain/schema/index.ts';
import { SIDESTEP } from './sidestep.ts';
export const ENVIRONMENT = { COLUMNS: '200', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
export function watching(from, ...args) {
    const child = from.start([process.execPath, SIDESTEP, 'trace', '--live', ...args], { env: ENVIRONMENT });
    const said = { stdout: '', stderr: '' };
    const begun = new Promise((resolve, reject) => {
        for (const stream of ['stdout', 'stderr']) {
            child[stream]?.setEncoding('utf8').on('data', (text) => {
                said[stream] += text;
                if (/It ends after/.test(said.stderr))
                    resolve();
            });
        }
        child.once('close', () => reject(new Error(`ended: ${said.stderr}`)));
    });
    begun.catch(() => { });
    const ended = once(child, 'close').then(([status]) => ({ status: status, ...said }));
    return { child, begun, ended };
}
export const documentsIn = (stdout) => stdout
    .split('\n')
    .filter(Boolean)
    .map((text) => liveDocument.parse(JSON.parse(text)));
/** The steps of rules that matched. */
export const matchedIn = ({ steps }) => steps.flatMap((step) => (step.kind === 'rule' && step.answer === 'matched' ? [step] : []));
