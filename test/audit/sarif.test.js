import { expect, test } from 'vitest';
import { ROOT, sidestep } from '../support/sidestep.ts';
// SARIF 2.1.0, as far as readers of it rely on it: each result names a rule that there is, a level of three, a message, a place.
const FOLDER = `${ROOT}test/cases/screens/`;
const logOf = (...args) => JSON.parse(sidestep(['audit', '-o', 'sarif', ...args], { cwd: FOLDER }).stdout);
test('each result names its rule, a level, and the line of the file', () => {
    const { version, runs } = logOf('--from', 'drifted.rules');
    expect(version).toBe('2.1.0');
    const [{ tool, results }] = runs;
    expect(tool.driver.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(results.length).toBeGreaterThan(3);
    for (const { ruleId, ruleIndex, level, message, locations } of results) {
        expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
        expect(['error', 'warning', 'note']).toContain(level);
        expect(message.text).not.toBe('');
        expect(locations?.[0].physicalLocation?.artifactLocation.uri).toBe('drifted.rules');
    }
    const dodge = results.find(({ ruleId }) => ruleId === 'dodge');
    expect(dodge?.locations?.[0]).toMatchObject({
        physicalLocation: { region: { startLine: expect.any(Number) } },
        logicalLocations: [{ fullyQualifiedName: 'ipv4/nft/nat/PREROUTING/1' }],
    });
});
test('nothing found is a log without results', () => {
    const [{ results, invocations }] = logOf('--from', '../../../docs/examples/post-2018.rules').runs;
    expect(results).toEqual([]);
    // … and what was not looked at is said all the same.
    const [{ executionSuccessful, toolExecutionNotifications }] = invocations;
    expect(executionSuccessful).toBe(true);
    expect(toolExecutionNotifications.map(({ message }) => message.text)).toContain('The IPv6 rules were not read.');
});
