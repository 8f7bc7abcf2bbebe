import * as fc from 'fast-check'

// The same cases in every run, so that a run tells of what was changed; SLUICE_TEST_SEED tries others.
fc.configureGlobal({ seed: Number(process.env['SLUICE_TEST_SEED'] ?? 1) })

export { fc }
