import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where `scripts/tools.mjs` puts what the tests need beyond npm. */
export const toolsCache = process.env['SLUICE_TEST_CACHE'] ?? join(homedir(), '.cache', 'sluice-tests')
