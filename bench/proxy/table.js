// What was measured, as people read it: a row for each contender, and Sidestep beside the others, pair by pair.
export const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** Columns: title, the number in one round beside that of the way without a proxy, and how it is printed. */
const COLUMNS = [
  ['bulk, × direct', (own, direct) => direct.bulk1.ms / own.bulk1.ms, 2],
  ['4 streams', (own, direct) => direct.bulk4.ms / own.bulk4.ms, 2],
  ['CPU s/GB', (own) => own.bulk1.cpu / 1e6 / own.bulk1.gigabytes, 2],
  ['4 streams', (own) => own.bulk4.cpu / 1e6 / own.bulk4.gigabytes, 2],
  ['p50 +µs', (own, direct) => own.pinned.p50 - direct.pinned.p50, 1],
  ['p99 +µs', (own, direct) => own.pinned.p99 - direct.pinned.p99, 1],
  ['50: req/s × direct', (own, direct) => rate(own.requests) / rate(direct.requests), 2],
  ['p99 ms', (own) => own.requests.p99 / 1e3, 2],
  ['µs CPU/req', (own) => own.requests.cpu / own.requests.count, 1],
  ['conn/s × direct', (own, direct) => rate(own.churn) / rate(direct.churn), 2],
  ['µs CPU/conn', (own) => own.churn.cpu / own.churn.count, 0],
  ['KiB idle conn', (own) => own.idle, 2],
  ['first byte ms', (own) => own.first, 0],
  ['RSS MB', (own) => own.memory.rss / 1024, 0],
  ['own MB', (own) => own.memory.own / 1024, 0],
];

const rate = ({ count, ms }) => (count / ms) * 1e3;

/** `results`: by name, one entry for each round. */
export function table(results) {
  const direct = results.get('direct');
  const rows = [...results].map(([name, rounds]) => [
    name,
    ...COLUMNS.map(([, of, digits]) => {
      const values = rounds.map((own, round) => of(own, direct[round])).filter((value) => Number.isFinite(value));
      return values.length === 0 ? '' : median(values).toFixed(digits);
    }),
  ]);
  return markdown(['proxy', ...COLUMNS.map(([title]) => title)], rows);
}

/** What is asked of Sidestep, each as a ratio of medians of pairs. */
const GOALS = [
  ['bulk, 1 stream', (own, other) => other.bulk1.ms / own.bulk1.ms, { Envoy: 1 }, 'more'],
  ['bulk, 4 streams', (own, other) => other.bulk4.ms / own.bulk4.ms, { Envoy: 1 }, 'more'],
  ['proxy CPU per GB', (own, other) => own.bulk1.cpu / other.bulk1.cpu, { Envoy: 0.72, HAProxy: 0.45 }, 'less'],
  ['pinned ping-pong over direct, p50', over('p50'), { Envoy: 0.88 }, 'less'],
  ['pinned ping-pong over direct, p99', over('p99'), { Envoy: 0.7 }, 'less'],
  ['requests/s of 50 connections', (own, other) => rate(own.requests) / rate(other.requests), { Envoy: 1.25 }, 'more'],
  ['CPU per request', (own, other) => perCount(own.requests) / perCount(other.requests), { Envoy: 0.7 }, 'less'],
  ['p99 of 50 connections', (own, other) => own.requests.p99 / other.requests.p99, { Envoy: 0.8 }, 'less'],
  ['new connections/s', (own, other) => rate(own.churn) / rate(other.churn), { Envoy: 1.45, direct: 0.5 }, 'more'],
  ['CPU per connection', (own, other) => perCount(own.churn) / perCount(other.churn), { Envoy: 0.58 }, 'less'],
  ['exec to first byte', (own, other) => own.first / other.first, { Envoy: 1.5 }, 'less'],
];

const perCount = ({ cpu, count }) => cpu / count;

function over(which) {
  return (own, other, direct) =>
    (own.pinned[which] - direct.pinned[which]) / (other.pinned[which] - direct.pinned[which]);
}

export function goals(results, own) {
  const direct = results.get('direct');
  const others = [...results.keys()].filter((name) => !name.startsWith('Sidestep') && name !== 'direct');
  const titles = ['direct', ...others];
  const rows = GOALS.map(([title, of, asked, wanted]) => [
    title,
    ...titles.map((name) => {
      if (name === 'direct' && asked.direct === undefined) return '';
      const ratios = results.get(own).map((one, round) => of(one, results.get(name)[round], direct[round]));
      const finite = ratios.filter((ratio) => Number.isFinite(ratio));
      if (finite.length === 0) return '';
      const ratio = median(finite);
      const goal = asked[name];
      if (goal === undefined) return ratio.toFixed(2);
      const reached = wanted === 'more' ? ratio >= goal : ratio <= goal;
      return `${ratio.toFixed(2)} (${wanted === 'more' ? '≥' : '≤'} ${goal}${reached ? '' : ', missed'})`;
    }),
  ]);
  return markdown([`${own}, × …`, ...titles], rows);
}

function markdown(titles, rows) {
  const all = [titles, titles.map(() => '---'), ...rows];
  const widths = titles.map((_, at) => Math.max(...all.map((row) => row[at].length)));
  return all.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`).join('\n');
}
