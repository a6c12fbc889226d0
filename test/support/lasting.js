import { createInterface } from 'node:readline';
const built = new URL('../../dist/linux/index.js', import.meta.url).href;
/** Answers every line with its name, for as long as the other side likes. */
const SERVER = `
const [system, name, address, port, transparent] = process.argv.slice(1);
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', () => socket.write(name + '\\n'));
});
(async () => {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const fd = transparent === 'yes' && (await import(system)).openTransparentListener({ family, address, port: Number(port) });
  server.listen(fd === false ? { host: address, port: Number(port), ipv6Only: true } : { fd }, () => console.log('listening'));
})();`;
/** Connects once, and says a line for each that it is given. */
const CALLER = `
const [address, port] = process.argv.slice(1);
const socket = require('node:net').connect({ host: address, port: Number(port) });
socket.on('error', (error) => console.log(error.code));
socket.on('connect', () => console.log('connected'));
socket.on('data', (data) => process.stdout.write(data));
process.stdin.on('data', (data) => socket.write(data));`;
/** What a program prints, line by line. */
function linesOf(child) {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return async () => {
        const { value, done } = await lines.next();
        if (done)
            throw new Error('the program has ended');
        return value;
    };
}
/** A server that keeps its connections. Resolves once it listens. */
export async function startLasting(scratch, { name, address, port, transparent = false }) {
    const argv = [process.execPath, '-e', SERVER, built, name, address, String(port), transparent ? 'yes' : 'no'];
    const next = linesOf(scratch.start(argv, { stdio: ['ignore', 'pipe', 'inherit'] }));
    const said = await next();
    if (said !== 'listening')
        throw new Error(said);
}
/** Opens a connection that stays open. */
export async function openLasting(scratch, address, port) {
    const child = scratch.start([process.execPath, '-e', CALLER, address, String(port)], {
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    const next = linesOf(child);
    const said = await next();
    if (said !== 'connected')
        throw new Error(said);
    return {
        ask: async () => {
            child.stdin.write('who?\n');
            return next();
        },
        close: () => child.kill(),
    };
}
