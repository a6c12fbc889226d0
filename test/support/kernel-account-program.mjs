// Runs inside a namespace: has the kernel trace every packet, and prints what it told, one JSON message a line, whenever
// it is asked to (a line on standard input). Started with `node -e`; the only argument is the built half that knows how.
import { createInterface } from 'node:readline';

const { openTraceTable, openTraceReceiver, readHandles } = await import(process.argv[1]);

const table = openTraceTable('watch', [
  { name: 'arrives', hook: 'PREROUTING', priority: -400, trace: { every: true } },
  { name: 'departs', hook: 'OUTPUT', priority: -400, trace: { every: true } },
]);
const receiver = openTraceReceiver();
const places = { ipv4: readHandles('ipv4'), ipv6: readHandles('ipv6') };

const address = (bytes, from, length) => Buffer.from(bytes.subarray(from, from + length)).toString('hex');

const headers = ({ protocol, networkHeader: network, transportHeader: transport }) => {
  if (!network) return {};
  const v6 = protocol === 'ipv6';
  const [at, length] = v6 ? [8, 16] : [12, 4];
  const carried = network[v6 ? 6 : 9];
  const ports = transport && (carried === 6 || carried === 17);
  return {
    carried,
    source: address(network, at, length),
    destination: address(network, at + length, length),
    sourcePort: ports ? transport[0] * 256 + transport[1] : 0,
    destinationPort: ports ? transport[2] * 256 + transport[3] : 0,
    flags: carried === 6 && transport ? transport[13] : undefined,
    type: carried === 1 || carried === 58 ? transport?.[0] : undefined,
  };
};

console.log('ready');
createInterface({ input: process.stdin }).on('line', () => {
  receiver.receive((message) => {
    const { id, protocol, chain, handle, verdict, policy, mark, first, iif, connection } = message;
    const place = handle === undefined ? undefined : places[protocol]?.(message.table, handle);
    console.log(
      JSON.stringify({
        id,
        protocol,
        table: message.table,
        chain,
        place,
        verdict,
        policy,
        mark,
        first,
        iif,
        connection,
        ...headers(message),
      }),
    );
  });
  console.log('end');
});
process.stdin.on('end', () => {
  receiver.close();
  table.close();
  process.exit();
});
