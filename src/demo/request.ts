// One HTTP request, a program of its own inside the client's namespace: prints the answer's body, or what went wrong.
import { get } from 'node:http';

const [url = ''] = process.argv.slice(2);
const request = get(url, { agent: false, timeout: 3000 }, (response) => {
  response.setEncoding('utf8').pipe(process.stdout);
});
request.on('timeout', () => request.destroy(new Error('no answer within 3 s')));
request.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
