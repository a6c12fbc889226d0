/**
 * Ends a run with `N passed, N failed, N skipped` alone on a line: what a CI that counts tests reads. There a kernel test that
 * was skipped is a failure: what nobody ran proves nothing.
 */
export default class ClosingLine {
    onTestRunEnd(modules) {
        const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
        let broken = 0;
        const skipped = [];
        for (const module of modules) {
            if (module.errors().length > 0)
                broken += 1;
            for (const test of module.children.allTests()) {
                const { state } = test.result();
                count[state] += 1;
                if (state === 'skipped' && module.project.name === 'kernel')
                    skipped.push(test.fullName);
            }
        }
        if (process.env.CI && skipped.length > 0) {
            console.log(`Kernel tests were skipped, which in CI is a failure:\n  ${skipped.join('\n  ')}`);
            process.exitCode = 1;
        }
        console.log(`${count.passed} passed, ${count.failed + count.pending + broken} failed, ${count.skipped} skipped`);
    }
}
